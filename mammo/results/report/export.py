"""The report as files: Markdown, CSV, LaTeX, and one HTML file that loads no further file."""

from __future__ import annotations

import html
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from mammo.results.figures.runs import learning_curves
from mammo.results.markdown import marked as _marked
from mammo.results.report.comparison import LEAKY, UNDER, to_json
from mammo.results.report.figures import draws_figure, rows_figure, splits_figure
from mammo.results.report.stated import TITLES
from mammo.results.report.tables import Cell, ReportTable, tables
from mammo.storage.atomic_files import write_text
from mammo.storage.spreadsheets import csv_of_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from plotly.graph_objects import Figure

    from mammo.results.report.comparison import Report, ReportComparison

TITLE = "Breast cancer image classification: the report, and ours beside it"


def heading(report: Report) -> list[str]:
    """The lines to read before any figure: data set, trunks, warnings, and protocols that cannot split the data set."""
    lines = [f"Data set {report.spec.dataset}, {report.images:,} images, trunks {' and '.join(report.trunks)}."]
    lines += [f"{report.note}: these figures say nothing about real mammograms."] if report.note else []
    lines += [f"Not split by {name}: {why}" for name, why in report.refused.items()]
    return lines


def markdown(report: Report) -> str:
    """The tables as Markdown."""
    lines = [f"# {TITLE}", "", *(f"**{_marked(line)}**  " for line in heading(report))]
    for table in tables(report):
        lines += ["", f"## {table.title}", "", _markdown_line(table.names), _markdown_line(["---"] * len(table.names))]
        lines += [_markdown_line([_markdown_cell(cell) for cell in row]) for row in table.rows]
        lines += [f"\n{_marked(note)}" for note in table.notes]
    return "\n".join(lines) + "\n"


def _markdown_line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _markdown_cell(cell: Cell) -> str:
    text = _marked(cell.text)
    return f"**{text}**" if cell.bold and text else text


def csv_text(report: Report) -> str:
    """All numbers of all protocols as CSV, a line for each row of the report."""
    rows = [dict(_flat(row)) for row in to_json(report)]
    names = list(dict.fromkeys(name for row in rows for name in row))
    return csv_of_rows(rows, names)


def _flat(content: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Yield name and value of the leaves of nested JSON; the name is the path, such as `ours.auc_interval.0`."""
    pairs = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else None
    if pairs is None:
        yield name, content
        return
    for key, value in pairs:
        yield from _flat(value, f"{name}.{key}" if name else str(key))


def latex(report: Report) -> str:
    """The tables as LaTeX, for a document that loads `booktabs` and `graphicx`."""
    comments = [
        f"% {' '.join(line.split())}" for line in (TITLE, *heading(report), "Needs \\usepackage{booktabs,graphicx}")
    ]
    return "\n".join([*comments, *(_latex_table(table) for table in tables(report))]) + "\n"


def _latex_table(table: ReportTable) -> str:
    groups = " & ".join(rf"\multicolumn{{{width}}}{{c}}{{{_latex(name)}}}" for name, width in table.groups)
    lines = [r"\begin{table}", rf"\caption{{{_latex(' '.join([table.title + '.', *table.notes]))}}}"]
    fixed = sum(map(len, table.names)) < 120
    lines += [] if fixed else [r"\resizebox{\textwidth}{!}{%"]
    lines += [rf"\begin{{tabular}}{{{'l' * len(table.header)}}}", r"\toprule"]
    lines += [rf"{groups} \\"] if len(table.groups) > 1 else []
    lines += [" & ".join(map(_latex, table.header)) + r" \\", r"\midrule"]
    lines += [" & ".join(map(_latex_cell, row)) + r" \\" for row in table.rows]
    lines += [r"\bottomrule", r"\end{tabular}" + ("" if fixed else "}"), r"\end{table}"]
    return "\n".join(lines)


def _latex_cell(cell: Cell) -> str:
    return rf"\textbf{{{_latex(cell.text)}}}" if cell.bold and cell.text else _latex(cell.text)


LATEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "±": r"$\pm$", "\u00a0": "~", "−": "$-$", "★": r"$\star$",
    "≈": r"$\approx$", "–": "--", "“": "``", "”": "''", "ε": r"$\varepsilon$", "<": r"$<$", ">": r"$>$",
}  # fmt: skip


def _latex(text: str) -> str:
    return "".join(LATEX.get(sign, sign) for sign in text)


def table_html(table: ReportTable) -> str:
    """A table as HTML, in the colours of the page around it."""
    groups = "".join(f'<th colspan="{width}">{html.escape(name)}</th>' for name, width in table.groups)
    names = "".join(f"<th>{html.escape(name)}</th>" for name in table.header)
    head = (f"<tr>{groups}</tr>" if len(table.groups) > 1 else "") + f"<tr>{names}</tr>"
    body = "".join(f"<tr>{''.join(map(_html_cell, row))}</tr>" for row in table.rows)
    prose = any(len(cell.value) > PROSE for row in table.rows for cell in row)
    kind = "report prose" if prose else "report"
    return f'<div class="{kind}"><table><thead>{head}</thead><tbody>{body}</tbody></table></div>'


PROSE = 40
"""A table with a cell of more characters than this has cells of text, whose lines break."""


def _html_cell(cell: Cell) -> str:
    detail = f"<small>{html.escape(cell.detail)}</small>" if cell.detail else ""
    inner = html.escape(cell.value)
    return f"<td>{f'<b>{inner}</b>' if cell.bold else inner}{detail}</td>"


STYLE = """
body { font: 15px/1.5 "Source Sans 3", "Helvetica Neue", Arial, sans-serif; color: #22282d; background: #fbfaf8;
  max-width: 1400px; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem } h2 { font-size: 1.15rem; margin-top: 2rem } p { max-width: 60rem; color: #5d666d }
.known { color: #8a5a00; font-weight: 600 } .figure { max-width: 760px; display: inline-block; width: 100% }
"""
TABLE_STYLE = """
.report { overflow-x: auto } .report table { border-collapse: collapse; font-size: 13px; line-height: 1.3 }
.report th, .report td { padding: 4px 11px 4px 0; text-align: left; vertical-align: top; white-space: nowrap;
  border-bottom: 1px solid color-mix(in srgb, currentColor 18%, transparent); font-variant-numeric: tabular-nums }
.report th { font-weight: 600; white-space: normal; vertical-align: bottom }
.report td:first-child, .report tr:last-child th:first-child { position: sticky; left: 0;
  background: light-dark(#fbfaf8, #0d1114) }
.report.prose td { white-space: normal; min-width: 5rem; max-width: 34rem }
.report small { display: block; opacity: .72 }
"""


def html_page(report: Report) -> str:
    """One HTML page with the tables and figures, which loads no further file."""
    title = html.escape(TITLE)
    parts = [f"<h1>{title}</h1>"]
    parts += [f'<p class="known">{html.escape(line)}</p>' for line in heading(report)]
    for table in tables(report):
        notes = "".join(f"<p>{html.escape(note)}</p>" for note in table.notes)
        parts.append(f"<h2>{html.escape(table.title)}</h2>{table_html(table)}{notes}")
    for number, (name, figure) in enumerate(figures(report)):
        content = figure.to_html(full_html=False, include_plotlyjs=not number, config={"displayModeBar": False})
        parts.append(f'<div class="figure"><h2>{html.escape(name)}</h2>{content}</div>')
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title>'
    body = "\n".join(parts)
    head += f"<style>{STYLE}{TABLE_STYLE}</style>"
    return f'<!doctype html><html lang="en"><head>{head}</head><body>{body}</body></html>'


def figures(report: Report, dark: bool = False) -> list[tuple[str, Figure]]:
    """Titles and figures, as far as there are runs to draw."""
    titled = []
    for number, name in TITLES.items():
        if any(comparison.outcomes for comparison in report.table(number)):
            title = f"{name}: validation AUC of every row, the report's and ours"
            titled.append((title, rows_figure(report.table(number), report.note, dark)))
    for comparison in report.rows:
        if comparison.best:
            titled.append(
                (
                    f"Figure 1: accuracy and loss by epoch of {comparison.row.name}",
                    figure_1(comparison, LEAKY, report.note, dark),
                )
            )
            title = f"Figure 2: ROC of {comparison.row.name} on the test images, over {report.spec.splits} draws"
            titled.append((title, figure_2(comparison, LEAKY, report.note, dark)))
    if report.by_draws:
        title = f"{UNDER[LEAKY]}: are so many augmented versions enough?"
        titled.append((title, draws_figure(report, LEAKY, report.note, dark)))
    return titled


def figure_1(comparison: ReportComparison, protocol: str, note: str = "", dark: bool = False) -> Figure:
    """The report's Figure 1: accuracy and loss by epoch of a row, on train and validation, of the first draw."""
    outcome = comparison.outcomes[protocol]
    run = replace(outcome.scored["validation"][0], name=comparison.row.label)
    return learning_curves({run.name: outcome.runs[0].history}, note, dark, [run])


def figure_2(comparison: ReportComparison, protocol: str, note: str = "", dark: bool = False) -> Figure:
    """The report's Figure 2: ROC on the test images of a row trained on several draws of train and validation."""
    return splits_figure(comparison.outcomes[protocol].scored["test"], note, dark)


@dataclass(frozen=True)
class Form:
    """One form of the report as a file."""

    label: str
    file: str
    mime: str
    write: Callable[[Report], str]


FORMS: dict[str, Form] = {
    "markdown": Form("Markdown", "report.md", "text/markdown", markdown),
    "csv": Form("CSV", "report.csv", "text/csv", csv_text),
    "latex": Form("LaTeX", "report.tex", "application/x-tex", latex),
    "html": Form("HTML", "report.html", "text/html", html_page),
}


def write_report(report: Report, folder: Path) -> list[Path]:
    """Write the report into a folder in every form; return the paths of the files."""
    paths = [folder / form.file for form in FORMS.values()]
    for form, path in zip(FORMS.values(), paths, strict=True):
        write_text(path, form.write(report))
    return paths
