"""The composer's server side: a state and what was done to it come in, everything that the page shows goes out."""
