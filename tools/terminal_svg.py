#!/usr/bin/env python3
"""Draws what script(1) recorded as an SVG that moves by CSS alone: no script, no font of its own.

    terminal_svg.py BYTES TIMES > out.svg

BYTES and TIMES are script's --log-out and --log-timing. Knows as much of a terminal as `weir` uses:
characters, newline, return, cursor up, erasing, the colours of ink_code(). A line of the screen is
written once for as long as it stands, so that the file stays small.
"""
import codecs
import html
import re
import sys
import unicodedata

COLUMNS, ROWS = 100, 30
CELL_WIDTH, CELL_HEIGHT, MARGIN = 8.0, 17.0, 14.0
FRAMES_MAX = 36        # chosen evenly from the recording, those before a long pause first
FRAME_SECONDS, LAST_SECONDS = 0.9, 5.0
CONTROL = re.compile(r"\x1b\[([0-9;?]*)([A-Za-z])")
STYLES = {"1": "b", "2": "d", "36": "c", "32": "g", "31": "r", "33": "y"}


def width_of(character):
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


class Terminal:
    """Rows of (character, style); the last ROWS of them are the screen."""

    def __init__(self):
        self.rows = [[]]
        self.row = self.column = 0
        self.style = ""

    def put(self, character):
        if self.column >= COLUMNS:
            self.newline()
            self.column = 0
        line = self.rows[self.row]
        while len(line) <= self.column:
            line.append((" ", ""))
        line[self.column] = (character, self.style)
        self.column += 1
        if width_of(character) == 2:
            del line[self.column:self.column + 1]
            line.insert(self.column, ("", self.style))
            self.column += 1

    def newline(self):
        self.row += 1
        if self.row == len(self.rows):
            self.rows.append([])

    def control(self, arguments, command):
        count = int(arguments) if arguments.isdigit() else 1
        if command == "A":
            self.row = max(0, self.row - count)
        elif command == "K":
            del self.rows[self.row][self.column:]
        elif command == "J":
            del self.rows[self.row][self.column:]
            del self.rows[self.row + 1:]
        elif command == "m":
            for code in (arguments or "0").split(";"):
                self.style = STYLES.get(code, "") if code != "0" else ""

    def write(self, text):
        at = 0
        while at < len(text):
            found = CONTROL.match(text, at)
            if found:
                self.control(*found.groups())
                at = found.end()
                continue
            character = text[at]
            at += 1
            if character == "\n":
                self.newline()
            elif character == "\r":
                self.column = 0
            elif character >= " ":
                self.put(character)

    def screen(self):
        rows = self.rows[:-1] if not self.rows[-1] else self.rows
        return [tuple(line) for line in rows[-ROWS:]]


def frames_of(data, times):
    """(seconds until the next change, screen) after every piece of output."""
    terminal, frames, at = Terminal(), [], 0
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    for line in times.splitlines():
        words = line.split()
        if len(words) == 3:  # util-linux's newer form: a letter first
            if words[0] != "O":
                continue
            words = words[1:]
        if len(words) != 2:
            continue
        seconds, count = float(words[0]), int(words[1])
        if frames:
            frames[-1][0] += seconds
        text = decoder.decode(data[at:at + count])
        at += count
        terminal.write(text)
        frames.append([0.0, terminal.screen()])
    return frames


def choose(frames):
    """At most FRAMES_MAX different screens: half of them by time, half by order."""
    different = [frame for i, frame in enumerate(frames) if i + 1 == len(frames) or frame[1] != frames[i + 1][1]]
    if len(different) <= FRAMES_MAX:
        return [screen for _, screen in different]
    total = sum(seconds for seconds, _ in different) or 1.0
    weights, sum_so_far = [], 0.0
    for i, (seconds, _) in enumerate(different):
        sum_so_far += 0.5 * seconds / total + 0.5 / len(different)
        weights.append(sum_so_far)
    chosen, next_at = [], 0.0
    for weight, (_, screen) in zip(weights, different):
        if weight >= next_at:
            chosen.append(screen)
            next_at = weight + 1.0 / FRAMES_MAX
    if chosen[-1] != different[-1][1]:
        chosen.append(different[-1][1])
    return chosen


def line_svg(line, row):
    """One <text>; runs of one style are spans, so that wide characters keep their places."""
    text = f'<text y="{MARGIN + (row + 0.8) * CELL_HEIGHT:.1f}">'
    column = 0
    while column < len(line):
        style = line[column][1]
        end = column
        while end < len(line) and line[end][1] == style:
            end += 1
        part = "".join(character for character, _ in line[column:end])
        if part.strip():
            name = f' class="{style}"' if style else ""
            text += f'<tspan x="{MARGIN + column * CELL_WIDTH:.0f}"{name}>{html.escape(part.rstrip())}</tspan>'
        column = end
    return text + "</text>"


def spans_of(screens):
    """{(first, past the last frame): [svg]}: every line of a row once for as long as it stands."""
    spans = {}
    for row in range(ROWS):
        begin = 0
        lines = [screen[row] if row < len(screen) else () for screen in screens]
        for i in range(1, len(screens) + 1):
            if i < len(screens) and lines[i] == lines[begin]:
                continue
            if any(character.strip() for character, _ in lines[begin]):
                spans.setdefault((begin, i), []).append(line_svg(lines[begin], row))
            begin = i
    return spans


def svg(screens):
    count = len(screens)
    total = (count - 1) * FRAME_SECONDS + LAST_SECONDS
    starts = [i * FRAME_SECONDS / total * 100 for i in range(count)] + [100.0]
    width, height = 2 * MARGIN + COLUMNS * CELL_WIDTH, 2 * MARGIN + ROWS * CELL_HEIGHT
    style = (
        "text{font:13px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;fill:#d7dde4;white-space:pre}"
        ".b{font-weight:700;fill:#fff}.d{fill:#8b98a5}.c{fill:#5cc8d7}.g{fill:#6fce7f}"
        ".r{fill:#ef7a72}.y{fill:#e3b557}"
        f"g{{animation-duration:{total:.1f}s;animation-iteration-count:infinite;"
        "animation-timing-function:step-end;visibility:hidden}")
    groups = ""
    for number, ((begin, end), lines) in enumerate(sorted(spans_of(screens).items())):
        if (begin, end) == (0, count):
            groups += "<g style=\"visibility:visible\">" + "".join(lines) + "</g>\n"
            continue
        steps = f"0%{{visibility:{'visible' if begin == 0 else 'hidden'}}}"
        if begin > 0:
            steps += f"{starts[begin]:.2f}%{{visibility:visible}}"
        if end < count:
            steps += f"{starts[end]:.2f}%{{visibility:hidden}}"
        style += f"@keyframes k{number}{{{steps}}}.k{number}{{animation-name:k{number}}}"
        last = " z" if end == count else ""
        groups += f'<g class="k{number}{last}">' + "".join(lines) + "</g>\n"
    # Viewers without animation show the last screen.
    style += ".z{visibility:visible}@media(prefers-reduced-motion:reduce){g{animation:none}}"
    return (f'<svg xmlns="http://www.w3.org/2000/svg" xml:space="preserve" viewBox="0 0 {width:.0f} {height:.0f}" role="img" '
            'aria-label="A terminal: weir trains a small model through four stages and talks with it">'
            f"<style>{style}</style>"
            f'<rect width="100%" height="100%" rx="8" fill="#14181d"/>\n{groups}</svg>\n')


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    with open(sys.argv[1], "rb") as file:
        data = file.read()
    if data.startswith(b"Script started"):  # a line of script's own, which the times do not count
        data = data[data.index(b"\n") + 1:]
    with open(sys.argv[2], encoding="utf-8") as file:
        times = file.read()
    screens = choose(frames_of(data, times))
    if not screens:
        sys.exit("terminal_svg.py: nothing was recorded")
    sys.stdout.write(svg(screens))


if __name__ == "__main__":
    main()
