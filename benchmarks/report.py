"""The results as one table, one JSON and a few pictures.

Belongs here: how numbers are shown. Does not: measuring.
"""

import json
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl

mpl.use("Agg")
from matplotlib import pyplot as plt

PROJECT: Final = Path(__file__).resolve().parents[1]
PAGE: Final = PROJECT / "docs" / "benchmarks.md"
IMAGES: Final = PROJECT / "docs" / "images"
JSON: Final = PROJECT / "benchmarks" / "results" / "latest.json"
BEGIN: Final = "<!-- begin: made by `make bench` -->"
END: Final = "<!-- end -->"
MIB: Final = 2**20

Found = dict[str, Any]


def table(found: Found) -> str:
    """Return the results as Markdown."""
    lines = [_about(found["machine"]), *map(_about_later, found.get("later", [])), ""]
    lines += [
        "| step | contender | median ms | min to max | CPU ms | of ours | peak MiB |",
        "|---|---|--:|--:|--:|--:|--:|",
    ]
    for step in found["steps"]:
        ours = step["results"][0]["median_s"]
        for n, row in enumerate(step["results"]):
            title = f"{step['title']}<br>{step['about']}" if n == 0 else ""
            span = f"{1e3 * row['min_s']:,.0f} to {1e3 * row['max_s']:,.0f}"
            cpu = "" if row["cpu_s"] is None else f"{1e3 * row['cpu_s']:,.0f}"
            times = f"{row['median_s'] / ours:.1f} x"
            lines.append(
                f"| {title} | {row['label']} | {1e3 * row['median_s']:,.1f} | {span} | {cpu} | {times} "
                f"| {row['peak_bytes'] / MIB:,.0f} |"
            )
    lines += ["", *(_sizes(found.get("sizes", []))), *(_catalogue(found.get("catalogue", [])))]
    return "\n".join(lines)


def joined(found: Found) -> Found:
    """Put what was measured alone into the place that it has among the results so far."""
    before = json.loads(JSON.read_text("utf-8"))
    steps = {(step["name"], step["about"]): step for step in before["steps"]}
    steps |= {(step["name"], step["about"]): step for step in found["steps"]}
    parts = [part for part in ("sizes", "catalogue") if part in found]
    names = [*dict.fromkeys(step["name"] for step in found["steps"]), *parts]
    later = [each for each in before.get("later", []) if not set(each["names"]) <= set(names)]
    return {
        **before,
        **{part: found[part] for part in parts},
        "steps": list(steps.values()),
        "later": [*later, {"names": names, "machine": found["machine"]}],
    }


def _about(machine: Found) -> str:
    def listed(versions: dict[str, str]) -> str:
        return ", ".join(f"{name} {version}" for name, version in versions.items())

    return (
        f"{machine['when'][:10]}, commit {machine['commit']}: {machine['processor']}, {machine['cores']} cores, "
        f"{machine['memory_gib']} GiB, load {machine['load_average']} at the start; {machine['system']}.\n"
        f"Ours: {listed(machine['ours'])}.\nPeers: {listed(machine['peers'])}."
    )


def _about_later(part: Found) -> str:
    machine = part["machine"]
    return (
        f"\nMeasured alone: {', '.join(part['names'])}, {machine['when'][:10]}, commit {machine['commit']}: "
        f"{machine['processor']}, load {machine['load_average']} at the start; "
        f"psycopg {machine['ours'].get('psycopg', '')}, sqlalchemy {machine['ours']['sqlalchemy']}."
    )


def _sizes(rows: list[Found]) -> list[str]:
    if not rows:
        return []
    lines = [
        "| captures of growing length: turns of 345 s | lines | contender | median s | µs a line | peak MiB |",
        "|--:|--:|---|--:|--:|--:|",
    ]
    lines += [
        f"| {row['turns']} | {row['n_lines']:,} | {row['label']} | {row['median_s']:.2f} "
        f"| {1e6 * row['median_s'] / row['n_lines']:.2f} | {row['peak_bytes'] / MIB:,.0f} |"
        for row in rows
    ]
    return [*lines, ""]


def _catalogue(rows: list[Found]) -> list[str]:
    if not rows:
        return []
    lines = ["| partitions in the catalogue | what | ms |", "|--:|---|--:|"]
    return [*lines, *(f"| {row['partitions']:,} | {row['what']} | {row['ms']:,.1f} |" for row in rows), ""]


def write(found: Found) -> None:
    """Write the JSON, put the table into the document, and draw."""
    JSON.parent.mkdir(parents=True, exist_ok=True)
    JSON.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    page = PAGE.read_text(encoding="utf-8")
    before, rest = page.split(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}\n\n{table(found)}\n{END}{rest.split(END)[1]}", encoding="utf-8")
    _draw_steps(found)
    _draw(found.get("sizes", []), "turns", "label", "median_s", ("turns of 345 s", "seconds"), "bench_size.png")
    _draw(found.get("catalogue", []), "partitions", "what", "ms", ("partitions", "ms"), "bench_catalogue.png")


def _draw_steps(found: Found) -> None:
    rows = [
        (f"{row['label']}  ·  {step['name']}", row["median_s"] / step["results"][0]["median_s"])
        for step in found["steps"]
        for row in step["results"][1:]
    ]
    if not rows:
        return
    figure, axes = plt.subplots(figsize=(9, 1 + 0.28 * len(rows)))
    axes.barh([name for name, _ in rows][::-1], [times for _, times in rows][::-1], color="#4878a8")
    axes.axvline(1, color="black", linewidth=1)
    axes.set_xscale("log")
    axes.set_xlabel("times as long as trading_assets")
    figure.savefig(IMAGES / "bench_steps.png", dpi=90, bbox_inches="tight", metadata={"Software": None})
    plt.close(figure)


def _draw(rows: list[Found], x: str, by: str, y: str, names: tuple[str, str], file: str) -> None:
    if not rows:
        return
    figure, axes = plt.subplots(figsize=(7, 4))
    for label in dict.fromkeys(row[by] for row in rows):
        mine = [row for row in rows if row[by] == label]
        axes.plot([row[x] for row in mine], [row[y] for row in mine], marker="o", label=label)
    axes.set(xscale="log", yscale="log", xlabel=names[0], ylabel=names[1])
    axes.grid(visible=True, alpha=0.3)
    axes.legend(fontsize=8)
    figure.savefig(IMAGES / file, dpi=90, bbox_inches="tight", metadata={"Software": None})
    plt.close(figure)
