"""The sentences people read and the shape of an Adaptive Card: values in, `dict` out."""
