"""The pictures of docs/, drawn by code: tools/gen-docs writes them into docs/pictures/ and checks them.

Plain SVG: boxes, lines, text. Colours tell one thing: what is secret (plaintext and keys) and what is not.
"""
from xml.sax.saxutils import escape

INK, PALE, SECRET, SAFE = "#24292f", "#8c959f", "#fff1e5", "#eaf5ea"
FONT = "font-family=\"DejaVu Sans, Verdana, sans-serif\""


class Picture:
    def __init__(self, width, height):
        self.size = (width, height)
        self.parts = []

    def text(self, x, y, text, size=13, colour=INK, anchor="start", bold=False, mono=False):
        font = 'font-family="DejaVu Sans Mono, monospace"' if mono else FONT
        weight = ' font-weight="bold"' if bold else ""
        self.parts.append(f'<text x="{x}" y="{y}" {font} font-size="{size}" fill="{colour}" text-anchor="{anchor}"'
                          f'{weight}>{escape(text)}</text>')

    def box(self, x, y, w, h, title, lines=(), fill="#ffffff", mono=False):
        self.parts.append(f'<rect x="{x}" y="{y}" width="{w}" height="{h}" rx="6" fill="{fill}" stroke="{INK}"/>')
        self.text(x + 12, y + 22, title, bold=True)
        for i, line in enumerate(lines):
            self.text(x + 12, y + 43 + 18 * i, line, size=12, mono=mono)

    def line(self, *points, dashed=False, arrow=True, colour=INK):
        path = " ".join(f"{x},{y}" for x, y in points)
        dash = ' stroke-dasharray="5 4"' if dashed else ""
        end = ' marker-end="url(#arrow)"' if arrow else ""
        self.parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.4"{dash}{end}/>')

    def bar(self, x, y, w, h, fill, dashed=False):
        dash = ' stroke-dasharray="5 4"' if dashed else ""
        self.parts.append(f'<rect x="{x}" y="{y}" width="{w}" height="{h}" fill="{fill}" stroke="{INK}"{dash}/>')

    def svg(self, title):
        w, h = self.size
        return "\n".join([
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {w} {h}" width="{w}" height="{h}" role="img">',
            f"<title>{escape(title)}</title>",
            f'<defs><marker id="arrow" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" markerHeight="8" '
            f'orient="auto"><path d="M0,1 L9,5 L0,9 z" fill="{INK}"/></marker></defs>',
            f'<rect width="{w}" height="{h}" fill="#ffffff"/>', *self.parts, "</svg>"]) + "\n"


def flow():
    """Who holds what on the way of one record."""
    p = Picture(880, 316)
    p.box(20, 150, 220, 84, "Producer, with libschloss", ['{"city": "Wien",', ' "ssn": "457-55-5462"}'], SECRET, mono=True)
    p.box(330, 150, 220, 84, "Kafka: topic, backups", ['{"city": "Wien",', ' "ssn": "FzXsq7F0uk…"}'], SAFE, mono=True)
    p.box(640, 150, 220, 84, "Consumer, with libschloss", ['{"city": "Wien",', ' "ssn": "457-55-5462"}'], SECRET, mono=True)
    p.line((240, 192), (328, 192))
    p.line((550, 192), (638, 192))
    p.box(20, 20, 400, 80, "Registry", ["schemas with tags and rules", "DEKs, wrapped by their KEK"], SAFE)
    p.box(460, 20, 400, 80, "KMS: AWS, Azure, Google, Vault, KMIP, PKCS#11", ["KEKs; they never leave it",
                                                                         "wraps and unwraps DEKs for who may use them"], SECRET)
    p.line((130, 148), (130, 102), dashed=True)
    p.line((200, 148), (200, 125), (520, 125), (520, 102), dashed=True)
    p.line((750, 148), (750, 102), dashed=True)
    p.line((680, 148), (680, 136), (390, 136), (390, 102), dashed=True)
    p.text(20, 266, "Dashed: once per schema and key, then from memory. Solid: each record.", size=12)
    p.bar(20, 284, 16, 16, SECRET)
    p.text(44, 297, "can read plaintext or keys", size=12)
    p.bar(250, 284, 16, 16, SAFE)
    p.text(274, 297, "sees ciphertext and wrapped keys only", size=12)
    return p.svg("Who holds what on the way of one record")


def rotation():
    """The end of a DEK, with a grace and without."""
    p = Picture(880, 250)
    end, grace, made = 430, 610, 520
    for y, title in ((50, "grace 2000 ms (default)"), (150, "grace 0: exact")):
        p.text(20, y + 20, title, size=12, bold=True)
        p.bar(210, y, end - 210, 30, SAFE)
        p.text(222, y + 20, "records under version 1", size=12)
    p.bar(end, 50, made - end, 30, SAFE, dashed=True)
    p.text(end + 6, 70, "version 1", size=12)
    p.bar(made, 50, 850 - made, 30, SECRET)
    p.text(made + 12, 70, "version 2", size=12)
    p.line((end, 96), (made, 96))
    p.text(end + 6, 114, "the refresh thread makes version 2; no record waits", size=12)
    p.bar(end, 150, made - end, 30, "#ffffff", dashed=True)
    p.text(end + 14, 170, "waits", size=12)
    p.bar(made, 150, 850 - made, 30, SECRET)
    p.text(made + 12, 170, "version 2", size=12)
    p.text(end + 6, 200, "the first record makes version 2: registry and KMS", size=12)
    p.line((end, 36), (end, 186), arrow=False, dashed=True, colour=PALE)
    p.text(end, 28, "encrypt.dek.expiry.days", size=12, anchor="middle")
    p.line((grace, 40), (grace, 84), arrow=False, dashed=True, colour=PALE)
    p.text(grace, 34, "end of the grace", size=12, anchor="middle", colour=PALE)
    p.line((210, 230), (850, 230))
    p.text(216, 224, "time", size=11, colour=PALE)
    return p.svg("The end of a DEK, with a grace and without")


PICTURES = {"docs/pictures/flow.svg": flow, "docs/pictures/rotation.svg": rotation}
