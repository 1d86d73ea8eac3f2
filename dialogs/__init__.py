"""What a turn means and which card answers it; knows neither HTTP nor Teams."""
