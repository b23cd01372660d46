"""Style rules for the few things that these pages draw as HTML of their own."""

STYLE = """
<style>
.lrlab-refusal { margin: -0.4rem 0 0.2rem; font-size: 0.9rem; line-height: 1.35; }
.lrlab-refusal { color: color-mix(in srgb, #d92d20 72%, currentColor); } /* legible on a light and on a dark page */
.lrlab-headline { margin: 0; font-size: 1.15rem; font-weight: 600; line-height: 1.4; }
/* Pasted code. */
.st-key-paste-text textarea { font-family: ui-monospace, "Source Code Pro", monospace; font-size: 0.875rem; }
/* A formula that is wider than a phone is moved sideways instead of cut. */
[data-testid="stMarkdownContainer"] .katex-display { overflow-x: auto; overflow-y: hidden; padding: 0.3rem 0; }
/* Streamlit's own download writes cells that a spreadsheet runs as formulas; the page offers a safe one. */
[data-testid="stElementToolbarButton"]:has([aria-label="Download as CSV"]) { display: none; }
</style>
"""
