"""What the pages share and only Streamlit needs."""
