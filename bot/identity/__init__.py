"""Who somebody is: sign-ins, link codes, what is noted of them, and whose words wait apart."""
