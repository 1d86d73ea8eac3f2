"""A hardened adapter on botbuilder-core 4.17.1; with `bot.handler` the only code that imports the SDK.

The SDK is out of support. Each module here replaces one part of it whose defects are listed in
`docs/decisions/0002-hardened-sdk.md`, through the SDK's own extension points and without patching anything.
"""
