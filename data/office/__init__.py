"""The services over the desk: alerts, deliveries, tickets and standing rules, and what is wanted by whom."""
