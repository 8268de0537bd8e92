#!/bin/bash
# Makes the binary samples from the texts beside it. The results are committed: run this only to change them.
set -euo pipefail
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

office() {
  soffice "-env:UserInstallation=file://$work/profile" --headless --convert-to "$1" --outdir "$3" "$2" >/dev/null 2>&1
}

pandoc report.md -o report.docx
pandoc letter.md -o letter.odt
office xlsx arrivals.csv .

# Twelve pages, each saying its number.
{
  for number in $(seq 12); do
    printf '# Page %d\n\nThis is page %d of twelve.\n\n' "$number" "$number"
    [ "$number" = 12 ] || printf '```{=openxml}\n<w:p><w:r><w:br w:type="page"/></w:r></w:p>\n```\n\n'
  done
} >"$work/numbers.md"
pandoc "$work/numbers.md" -o "$work/numbers.docx"
cp "$work/numbers.docx" numbers.docx
office pdf "$work/numbers.docx" .

# The letter once more, to be opened with the password "harbour".
cp letter.odt "$work/locked.odt"
office 'pdf:writer_pdf_Export:{"EncryptFile":{"type":"boolean","value":"true"},"DocumentOpenPassword":{"type":"string","value":"harbour"}}' \
  "$work/locked.odt" .

rsvg-convert lighthouse.svg -o lighthouse.png
ffmpeg -loglevel error -y -f lavfi -i 'sine=frequency=440:duration=1:sample_rate=8000' -ac 1 -bitexact tone.wav
