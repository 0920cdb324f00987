"""Report: the tables and figures of the student report, with our results beside them."""

import streamlit as st

from mammo.results.report.comparison import UNDER
from mammo.results.report.export import figure_1, figure_2
from mammo.results.report.figures import draws_figure, rows_figure
from mammo.results.report.stated import TITLES
from mammo.results.report.tables import open_table, rows_table, splits_table
from pages.parts.report import reported
from pages.shared.base import choose, show
from pages.shared.base.text import plain
from pages.shared.views import work

home = choose.home()
st.title("Report")
st.caption(
    "This project implements a student report on classifying CBIS-DDSM mammograms with frozen VGG16 and ResNet50: "
    "its two tables and two figures, and ours beside them."
)
dataset = choose.dataset(home)
spec = reported.choose_spec(home, dataset)
work.follow(home, "paper")
paper, report = reported.opened(home, dataset, spec)
show.warnings(paper.left_out)
show.badge(report.note)
reported.offer(home, paper)
for name, reason in report.refused.items():
    st.info(f"{UNDER[name]}: {plain(reason)}", icon=":material/info:")
for number in TITLES:
    reported.table(rows_table(report, number))
for number, column in zip(TITLES, st.columns(2, gap="large"), strict=True):
    if any(row.outcomes for row in report.table(number)):
        column.subheader(f"{TITLES[number]}: every row")
        with column:
            show.figure(rows_figure(report.table(number), report.note, show.dark()), f"rows-{number}")
if chosen := reported.choose_row(report):
    protocol = choose.switch("Split", list(chosen.outcomes), "protocol", UNDER.__getitem__)
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader("Figure 1: learning curves")
        show.figure(figure_1(chosen, protocol, report.note, show.dark()), "figure-1")
    with right:
        st.subheader("Figure 2: ROC on the test images")
        show.figure(figure_2(chosen, protocol, report.note, show.dark()), "figure-2")
    reported.table(splits_table(report))
    if report.by_draws:
        st.subheader("Are so many augmented versions enough?")
        show.figure(draws_figure(report, protocol, report.note, show.dark()), "by-draws")
reported.table(open_table(report))
st.subheader("As files")
reported.downloads(report)
