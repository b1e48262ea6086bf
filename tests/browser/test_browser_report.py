"""The report as a person sees it: in a browser, from a file, on a wide and a narrow screen."""

import json
from html import unescape
from pathlib import Path

import pytest
from browser_kit import visit
from report.report_summaries import make_data, make_summary

from tuner.report import write_report

pytestmark = pytest.mark.browser

WIDTHS = (1100, 500)

RULER = """<!DOCTYPE html><meta charset="utf-8">
{frames}
<pre id="measured"></pre>
<script>
addEventListener("load", () => {{
  const measure = frame => {{
    const page = frame.contentDocument, root = page.documentElement;
    const overflow = [...page.querySelectorAll(".scroll")].map(box => box.scrollWidth - box.clientWidth);
    return {{visible: root.clientWidth, needed: root.scrollWidth, images: [...page.images].map(i => i.naturalWidth), overflow}};
  }};
  const measured = [...document.querySelectorAll("iframe")].map(measure);
  document.getElementById("measured").textContent = JSON.stringify(measured);
}});
</script>
"""


def measure(chromium: str, page: Path, folder: Path) -> list[dict]:
    """Return widths in pixels of a page in frames of WIDTHS: visible, needed, of all images, beyond the box of each table."""
    frames = "\n".join(f'<iframe src="{page.as_uri()}" width="{width}" height="800"></iframe>' for width in WIDTHS)
    ruler = folder / "ruler.html"
    ruler.write_text(RULER.format(frames=frames))
    html = visit(chromium, ruler.as_uri(), folder).html
    return json.loads(unescape(html.split('<pre id="measured">')[1].split("</pre>")[0]))


def test_console_and_requests_of_a_page_are_seen(chromium, tmp_path):
    page = tmp_path / "page.html"
    page.write_text('<img src="http://example.org/a.png"><script>console.error("oh no")</script>')
    seen = visit(chromium, page.as_uri(), tmp_path)
    assert ['"oh no"' in line for line in seen.console] == [True]
    assert seen.requests == ["http://example.org/a.png"]


def test_horizontal_scrolling_and_broken_images_are_seen(chromium, tmp_path):
    page = tmp_path / "page.html"
    page.write_text('<div style="width: 800px">wide</div><img src="data:image/png;base64,AAAA">')
    wide, narrow = measure(chromium, page, tmp_path)
    assert wide["needed"] == wide["visible"]
    assert narrow["needed"] > narrow["visible"]
    assert wide["images"] == [0]


def test_report_opens_without_a_console_message_and_asks_the_network_for_nothing(chromium, finished, tmp_path):
    seen = visit(chromium, (finished / "report.html").as_uri(), tmp_path)
    assert "Class weights searched for roc_auc" in seen.text
    assert seen.console == []
    assert seen.requests == []


def test_report_needs_no_horizontal_scrolling_and_all_its_images_load(chromium, finished, tmp_path):
    n_images = (finished / "report.html").read_text(encoding="utf-8").count("<img ")
    assert n_images >= 5
    for frame in measure(chromium, finished / "report.html", tmp_path):
        assert frame["needed"] <= frame["visible"]
        assert len(frame["images"]) == n_images
        assert min(frame["images"]) > 0


def test_comparison_stacks_on_a_narrow_screen_and_a_wide_table_scrolls_in_its_box(chromium, tmp_path):
    page = Path(write_report(make_summary(), tmp_path)["report"])
    wide, narrow = measure(chromium, page, tmp_path)
    comparison, trials = 0, 1
    assert wide["overflow"][comparison] == narrow["overflow"][comparison] == 0
    assert wide["overflow"][trials] == 0
    assert narrow["overflow"][trials] > 0


def test_long_names_do_not_make_the_report_wider_than_the_screen(chromium, tmp_path):
    names = {"source": "/data/" + "very_long_folder/" * 12 + "t.csv", "target": "is_" + "x" * 120}
    data = make_data(**names, classes=("no" * 60, "yes" * 60), label_type="str")
    page = Path(write_report(make_summary(data=data), tmp_path)["report"])
    for frame in measure(chromium, page, tmp_path):
        assert frame["needed"] <= frame["visible"]
