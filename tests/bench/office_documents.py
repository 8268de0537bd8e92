"""Documents for the office bench and tests: made as flat OpenDocument text, then saved by LibreOffice as what people send.

    make(folder) -> {"text-1": path.docx, "text-30": ..., "sheet-30": path.xlsx, "slides-30": path.pptx, ...}
"""

import pathlib
import random
import subprocess
import tempfile

NAMESPACES = " ".join(
    f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{urn}:1.0"'
    for name, urn in {
        "office": "office", "text": "text", "table": "table", "style": "style", "draw": "drawing",
        "svg": "svg-compatible", "fo": "xsl-fo-compatible", "presentation": "presentation",
    }.items()
)  # fmt: skip
WORDS = (
    "harbour ledger window morning measure copper valley signal winter paper engine garden letter bridge season "
    "market river stone record voyage silver castle meadow lantern printer compass basket anchor violin orchard"
).split()


def sentence(random_, words=12):
    return " ".join(random_.choice(WORDS) for _ in range(words)).capitalize() + "."


def flat(kind, body, styles=""):
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<office:document {NAMESPACES} office:version="1.3" '
        f'office:mimetype="application/vnd.oasis.opendocument.{kind}">'
        f"<office:automatic-styles>{styles}</office:automatic-styles><office:body>{body}</office:body></office:document>\n"
    )


def table(random_, rows, columns):
    cells = "".join(
        "<table:table-row>"
        + "".join(f"<table:table-cell><text:p>{random_.randint(1, 9999)}</text:p></table:table-cell>" for _ in range(columns))
        + "</table:table-row>"
        for _ in range(rows)
    )
    return f'<table:table><table:table-column table:number-columns-repeated="{columns}"/>{cells}</table:table>'


def text_document(pages):
    """Headings, paragraphs, a list and a table on every page; every page is numbered in its heading."""
    random_ = random.Random(pages)
    style = (
        '<style:style style:name="New" style:family="paragraph" style:parent-style-name="Heading_20_1">'
        '<style:paragraph-properties fo:break-before="page"/></style:style>'
    )
    parts = []
    for page in range(1, pages + 1):
        name = ' text:style-name="New"' if page > 1 else ""
        parts.append(f'<text:h text:outline-level="1"{name}>Chapter {page}</text:h>')
        parts += [f"<text:p>{' '.join(sentence(random_) for _ in range(5))}</text:p>" for _ in range(5)]
        parts.append(
            "<text:list>" + "".join(f"<text:list-item><text:p>{sentence(random_, 6)}</text:p></text:list-item>" for _ in range(4)) + "</text:list>"
        )
        parts.append(table(random_, 5, 4))
    return flat("text", f"<office:text>{''.join(parts)}</office:text>", style)


def sheet_document(pages):
    """One sheet, about fifty rows a printed page, with sums."""
    random_ = random.Random(pages)
    rows = []
    for row in range(1, pages * 51 + 1):
        cells = [f'<table:table-cell office:value-type="string"><text:p>{sentence(random_, 2)}</text:p></table:table-cell>']
        cells += [
            f'<table:table-cell office:value-type="float" office:value="{value}"><text:p>{value}</text:p></table:table-cell>'
            for value in (random_.randint(1, 9999) for _ in range(4))
        ]
        cells.append(f'<table:table-cell table:formula="of:=SUM([.B{row}:.E{row}])" office:value-type="float" office:value="0"/>')
        rows.append(f"<table:table-row>{''.join(cells)}</table:table-row>")
    return flat("spreadsheet", f'<office:spreadsheet><table:table table:name="Ledger">{"".join(rows)}</table:table></office:spreadsheet>')


def slides_document(pages):
    random_ = random.Random(pages)
    slides = []
    for page in range(1, pages + 1):
        lines = "".join(f"<text:p>{sentence(random_, 8)}</text:p>" for _ in range(6))
        slides.append(
            f'<draw:page draw:name="Slide {page}">'
            f'<draw:frame svg:width="22cm" svg:height="2cm" svg:x="2cm" svg:y="1cm"><draw:text-box><text:p>Slide {page}</text:p></draw:text-box></draw:frame>'
            f'<draw:frame svg:width="14cm" svg:height="9cm" svg:x="2cm" svg:y="4cm"><draw:text-box>{lines}</draw:text-box></draw:frame>'
            f'<draw:rect svg:width="6cm" svg:height="{random_.randint(2, 8)}cm" svg:x="18cm" svg:y="5cm"/></draw:page>'
        )
    return flat("presentation", f"<office:presentation>{''.join(slides)}</office:presentation>")


KINDS = {"text": (text_document, "fodt", "docx"), "sheet": (sheet_document, "fods", "xlsx"), "slides": (slides_document, "fodp", "pptx")}


def make(folder, sizes=(1, 30, 300), kinds=KINDS):
    """Makes what is not there yet; returns name -> path."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    made = {}
    for kind in kinds:
        writer, flat_type, saved_type = KINDS[kind]
        for pages in sizes:
            target = folder / f"{kind}-{pages}.{saved_type}"
            made[f"{kind}-{pages}"] = target
            if target.exists():
                continue
            source = folder / f"{kind}-{pages}.{flat_type}"
            source.write_text(writer(pages), encoding="utf-8")
            with tempfile.TemporaryDirectory() as profile:
                subprocess.run(
                    ["soffice", f"-env:UserInstallation=file://{profile}", "--headless", "--convert-to", saved_type, "--outdir", str(folder), str(source)],
                    check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                )  # fmt: skip
            if not target.exists():
                raise RuntimeError(f"soffice made no {target}")
    return made


if __name__ == "__main__":
    import sys

    for name, path in make(sys.argv[1]).items():
        print(name, path, path.stat().st_size)
