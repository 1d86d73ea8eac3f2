"""What lies on the desk of admins and DPOs, as values with pure steps: alerts, deliveries, tickets, standing rules."""
