"""Small dimension tables kept warm; the regime calendar is the first."""
