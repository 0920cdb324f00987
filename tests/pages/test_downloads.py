"""What Compare gives as files."""

import io

import pandas as pd
import pytest

from mammo.results.board.leaderboard import leaderboard

pytestmark = pytest.mark.browser


def downloaded(page, name, index=0):
    with page.expect_download() as waiting:
        page.get_by_role("button", name=name, exact=True).nth(index).click()
    return waiting.value.path().read_bytes()


def test_tables_and_cards_come_as_files(demo, demo_home):
    board = leaderboard(demo_home)
    with demo.visit("compare") as page:
        page.get_by_test_id("stPopoverButton").click()
        page.get_by_role("button", name=board["run"].iloc[0], exact=True).wait_for()  # the last of the menu
        runs = pd.read_csv(io.BytesIO(downloaded(page, "CSV")))
        assert list(runs["run"]) == list(board["run"])
        scores = pd.read_parquet(io.BytesIO(downloaded(page, "Parquet", index=1)))
        assert len(scores) == 160 and set(board["run"].head(3)) <= set(scores)
        card = downloaded(page, board["run"].iloc[0]).decode()
        assert card.startswith(f"# Model card: {board['run'].iloc[0]}") and "not a medical device" in card
    assert demo.faults() == []
