"""The HTML page: its text, and its behaviour in a real browser."""

import json
import re
import shutil

import numpy as np
import pytest

from pose3d.errors import UserError
from pose3d.io.tables import Row, Table
from pose3d.report.html_page import Curve, Shown, write_page
from pose3d.skeleton import JOINTS

N = 23  # more than a row of tiles


def shown(maps=True):
    rng = np.random.default_rng(0)
    truths = rng.normal(0, 300, (N, 17, 3))
    truths -= truths[:, :1]
    predictions = truths + rng.normal(0, 10, (N, 1, 1)) * (np.arange(17) > 0)[:, None]
    images = np.zeros((N, 128, 128), np.uint8)
    images[:, 30:50, 30:50] = 10 * np.arange(N)[:, None, None]
    probabilities = np.zeros((N, 17, 100))
    probabilities[:, 2, 55] = 1  # joint 2 in row 5, column 5
    return Shown(
        images, predictions, truths, [f"frame {i}" for i in range(N)], 12.5, probabilities if maps else None
    )


def curve_of(*values):
    rows = [
        Row("curve.csv", i + 2, [str(i), str(value)], {"epoch": 0, "a": 1}) for i, value in enumerate(values)
    ]
    return Curve("Detection", rows, {"a": "train"}, "nats")


def write(path, **changes):
    """Write a page of everything, but for the changes."""
    curve = curve_of(0.7, "", 0.5)  # scored every second epoch
    table = Table("By <joint>", ["joint", "mm"], [["head & neck", 27.649], ["hip", None]], 2)
    parts = {
        "title": "Test of <b>", "subtitle": "walkers", "headline": {"MPJPE": ("12.3 mm", "mean & more")},
        "shown": shown(),
        "tables": [table], "curves": [curve], "footer": "</script>",
    }  # fmt: skip
    write_page(path, **parts | changes)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "report.html"
    write(path)
    return path


def embedded(path):
    return json.loads(
        re.search(r'<script type="application/json" id="data">(.*?)</script>', path.read_text())[1]
    )


def test_the_page_needs_nothing_from_elsewhere(written):
    text = written.read_text()
    outside = text[: text.index("<script>")] + text[text.index('id="data"') :]  # plotly's own code aside
    assert re.findall(r'(?:src|href)="(?!data:)[^"]*"', outside) == []


def test_what_is_written_is_escaped(written):
    text = written.read_text()
    assert "Test of &lt;b&gt;" in text
    assert "By &lt;joint&gt;" in text
    assert '<td>head &amp; neck</td><td class="number">27.65</td>' in text
    assert '<td>hip</td><td class="number"></td>' in text
    assert "&lt;/script&gt;" in text
    assert '<dt>MPJPE</dt><dd>12.3 mm</dd><dd class="meaning">mean &amp; more</dd>' in text


def test_the_viewers_data(written):
    data, given = embedded(written), shown()
    assert data["titles"] == given.titles
    np.testing.assert_allclose(data["truths"], given.truths, atol=0.051)
    distances = np.linalg.norm(given.predictions - given.truths, axis=-1)
    np.testing.assert_allclose(data["errors"], distances.mean(axis=1), atol=0.0051)
    sides = [edge for part in data["parts"].values() for edge in part["edges"]]
    assert len(sides) == len(JOINTS) - 1
    line = data["curves"][0]["data"][0]
    assert (line["x"], line["y"]) == ([0, 2], [0.7, 0.5])
    assert data["curves"][0]["layout"]["yaxis"]["type"] == "linear"


def test_a_logarithmic_axis_has_whole_numbers_at_1_2_and_5(tmp_path):
    write(tmp_path / "r.html", curves=[curve_of(*(300 / (i + 1) for i in range(40)))])
    axis = embedded(tmp_path / "r.html")["curves"][0]["layout"]["yaxis"]
    assert axis["type"] == "log"
    assert {5, 10, 20, 50, 100, 200} <= set(axis["tickvals"])


def test_a_page_without_detection_and_curves(tmp_path):
    write(tmp_path / "r.html", shown=shown(maps=False), curves=[])
    assert embedded(tmp_path / "r.html")["maps"] is None
    assert "There is no curve.csv" in (tmp_path / "r.html").read_text()


def test_without_plotly_it_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "plotly.offline", None)
    with pytest.raises(UserError, match=r"pose3d\[report\]"):
        write(tmp_path / "r.html")


@pytest.fixture(scope="module")
def browser(written):
    """The page in Chromium, ready."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    programs = {name: shutil.which(name) for name in ("chromium", "chromedriver")}
    if None in programs.values():
        pytest.skip(f"needs Debian's chromium and chromium-driver; found {programs}")
    from selenium.webdriver.support.ui import WebDriverWait

    options = webdriver.ChromeOptions()
    options.binary_location = programs["chromium"]
    for argument in ("headless=new", "no-sandbox", "disable-dev-shm-usage", "enable-unsafe-swiftshader"):
        options.add_argument(f"--{argument}")
    options.add_argument("--window-size=1200,1400")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options, webdriver.ChromeService(programs["chromedriver"]))
    try:
        driver.get(written.as_uri())
        WebDriverWait(driver, 120).until(
            lambda d: d.execute_script("return document.body.dataset.ready") == "yes"
        )
        yield driver
    finally:
        driver.quit()


def drawn(driver):
    """The x of the predicted and of the true skeleton, as plotly has them; and the picture's middle pixel."""
    return driver.execute_script(
        "const p = document.getElementById('skeletons').data;"
        "const c = document.getElementById('picture').getContext('2d').getImageData(120, 120, 1, 1).data;"
        "return [p[0].x, p[3].x, c[0], c[2]]"
    )


def press(driver, name, *keys):
    driver.find_element("id", name).send_keys(*keys)


def choose(driver, name, text):
    from selenium.webdriver.support.ui import Select

    Select(driver.find_element("id", name)).select_by_visible_text(text)


@pytest.mark.slow
def test_slider_and_order_choose_the_frame(browser):
    from selenium.webdriver.common.keys import Keys

    press(browser, "frame", Keys.HOME)
    before = drawn(browser)
    press(browser, "frame", Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
    after = drawn(browser)
    assert before[0] != after[0]
    assert before[1] != after[1]
    assert (before[2], after[2]) == (0, 20)
    caption = browser.find_element("id", "caption")
    assert caption.text.startswith("frame 2 \u2014 error")
    worst = np.linalg.norm(shown().predictions - shown().truths, axis=-1).mean(axis=1).argmax()
    choose(browser, "order", "error, largest first")
    assert caption.text.startswith(f"frame {worst} ")
    choose(browser, "order", "time")


@pytest.mark.slow
def test_a_joints_map_is_drawn_over_the_picture(browser):
    from selenium.webdriver.common.keys import Keys

    press(browser, "frame", Keys.HOME)
    middle = (
        "return [...document.getElementById('picture').getContext('2d').getImageData(212, 212, 1, 1).data]"
    )
    choose(browser, "joint", JOINTS[2])
    red, green, blue, _ = browser.execute_script(middle)
    assert min(red, green) > 150  # yellow
    assert blue < 90
    choose(browser, "joint", "none")
    assert browser.execute_script(middle)[:3] == [0, 0, 0]


@pytest.mark.slow
def test_both_skeletons_turn_together(browser):
    eyes = (
        "const l = document.getElementById('skeletons')._fullLayout;"
        "return [l.scene.camera.eye, l.scene2.camera.eye]"
    )
    before = browser.execute_script(eyes)
    browser.find_element("css selector", "[data-turn='15']").click()
    after = browser.execute_script(eyes)
    assert before[0] != after[0]
    assert after[0] == after[1]


@pytest.mark.slow
def test_play_goes_on_and_stops(browser):
    from selenium.webdriver.support.ui import WebDriverWait

    caption = browser.find_element("id", "caption")
    before = caption.text
    browser.find_element("id", "play").click()
    WebDriverWait(browser, 30).until(lambda _: caption.text != before)
    browser.find_element("id", "play").click()
    assert browser.find_element("id", "play").text == "Play"


@pytest.mark.slow
def test_it_fits_a_phone_and_nothing_is_wrong(browser):
    browser.set_window_size(500, 900)  # as narrow as Chromium goes
    width = browser.execute_script("return [document.documentElement.scrollWidth, window.innerWidth]")
    assert width[0] <= width[1]
    assert len(browser.get_screenshot_as_png()) > 10_000
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []
