"""From the predictions table to figures one may believe; no torch and no Lightning here."""
