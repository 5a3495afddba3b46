"""Small, realistic bugs made from the source text: what a tired hand types. No parser: a lexer, and clang-format's spaces, which tell an operator
(`a < b`, `a * b`, `a && b`) from a template's bracket, a pointer or a reference.

A mutant is (file, offset, old, new, kind). Left alone are comments, strings, the preprocessor, static_assert, declarations of constants for the
compiler, and what is inside the parentheses of a message (fail, note): a wrong word is no bug of the kinds meant here.
"""
import re
from collections import namedtuple

Mutant = namedtuple("Mutant", "file offset old new kind")
Token = namedtuple("Token", "kind text start end")

LEXER = re.compile(r"""
    (?P<comment> //[^\n]* | /\*.*?\*/ )
  | (?P<directive> ^[ \t]*\#(?:[^\n]*\\\n)*[^\n]* )
  | (?P<string> R"(?P<mark>[^(\s]*)\(.*?\)(?P=mark)" | (?:u8|[uUL])?"(?:\\.|[^"\\\n])*" | '(?:\\.|[^'\\\n])+' )
  | (?P<number> (?:0[xX][0-9a-fA-F']+ | \d[\d']*(?:\.\d*)?(?:[eE][-+]?\d+)? | \.\d+(?:[eE][-+]?\d+)?)[uUlLfFz]* )
  | (?P<word> [A-Za-z_]\w* )
  | (?P<mark_> \.\.\. | <=> | <<= | >>= | ->\* | :: | -> | \+\+ | -- | && | \|\| | == | != | <= | >= | << | \+= | -= | \*= | /= | %= | &= | \|= | \^= | . )
""", re.VERBOSE | re.MULTILINE | re.DOTALL)

SWAPS = {"<": ["<="], "<=": ["<"], ">": [">="], ">=": [">"], "==": ["!="], "!=": ["=="],
         "+": ["-"], "-": ["+"], "*": ["/"], "/": ["*"], "%": ["/"], "+=": ["-="], "-=": ["+="], "*=": ["/="],
         "&&": ["||"], "||": ["&&"], "&": ["|"], "|": ["&"]}
KINDS = {**dict.fromkeys(["<", "<=", ">", ">="], "boundary"), **dict.fromkeys(["==", "!="], "comparison"),
         **dict.fromkeys(["&&", "||", "&", "|"], "logic")}
WORDS = {"true": "false", "false": "true", "min": "max", "max": "min", "begin": "end", "floor": "ceil", "ceil": "floor",
         "front": "back", "back": "front", "ceil_div": "std::divides<>()"}
MESSAGES = {"fail", "fail_file", "note", "note_line", "static_assert", "alignas", "sizeof", "reserve", "format", "add_option", "add_flag",
            "line", "Error"}
NO_STATEMENT = {"return", "using", "if", "for", "while", "else", "case", "default", "break", "continue", "throw", "struct", "class", "enum", "namespace", "template",
                "const", "constexpr", "static", "auto", "friend", "public", "private", "protected", "typedef", "extern", "delete", "goto", "do", "try", "switch"}


def tokens_of(text):
    tokens = []
    for match in LEXER.finditer(text):
        kind = match.lastgroup if match.lastgroup != "mark" else "string"
        if kind == "mark_":
            kind = "mark"
        if kind in ("comment", "directive") or match.group().isspace():
            continue
        tokens.append(Token(kind, match.group(), match.start(), match.end()))
    return tokens


def partners(tokens):
    """index of an opening bracket -> of its closing one."""
    pairs, open_ones = {}, []
    for i, token in enumerate(tokens):
        if token.kind != "mark":
            continue
        if token.text in "([{":
            open_ones.append(i)
        elif token.text in ")]}" and open_ones:
            pairs[open_ones.pop()] = i
    return pairs


def silent_ranges(tokens, pairs):
    """Indices inside the parentheses of messages and of what only the compiler looks at."""
    silent = set()
    for i, token in enumerate(tokens[:-1]):
        if token.kind == "word" and token.text in MESSAGES and tokens[i + 1].text == "(" and i + 1 in pairs:
            silent.update(range(i + 2, pairs[i + 1]))
    return silent


def number_mutants(text):
    if re.fullmatch(r"\d+[uUlLz]*", text):
        value, suffix = re.fullmatch(r"(\d+)(\D*)", text).groups()
        return [str(int(value) + 1) + suffix] + ([str(int(value) - 1) + suffix] if int(value) > 1 else [])
    if re.fullmatch(r"\d*\.\d*(?:[eE][-+]?\d+)?f?|\d+[eE][-+]?\d+f?", text):
        bare = text.rstrip("f")
        value = float(bare)
        return [("0.5" if value == 0 else repr(value * 2)) + ("f" if text.endswith("f") else "")]
    return []


def arguments(tokens, first, last):
    """Spans of the arguments between two brackets, by commas of the outer level."""
    spans, depth, start = [], 0, first + 1
    for i in range(first + 1, last):
        if tokens[i].text in "([{" and tokens[i].kind == "mark":
            depth += 1
        elif tokens[i].text in ")]}" and tokens[i].kind == "mark":
            depth -= 1
        elif tokens[i].text == "," and depth == 0:
            spans.append((start, i - 1))
            start = i + 1
    spans.append((start, last - 1))
    return spans if all(a <= b for a, b in spans) else []


def declaration(text, tokens):
    """Whether it is a parameter with its type: a name right after another word, a closing template bracket, or an & or * that touches the type."""
    last, before = tokens[-1], tokens[-2] if len(tokens) > 1 else None
    return before is not None and last.kind == "word" and (before.kind == "word" or before.text in (">", "&", "*", "&&")
                                                          and text[before.start - 1] != " ")


def statements(tokens, pairs):
    """(first, last) of expression statements: they begin after ; { } or ) and end with a ; of their own level."""
    closes = {b: a for a, b in pairs.items()}
    for i, token in enumerate(tokens):
        before = tokens[i - 1] if i else None
        if before is None or before.kind != "mark" or before.text not in ";{})":
            continue
        if before.text == ")" and tokens[closes.get(i - 1, 0) - 1].text not in ("if", "for", "while"):
            continue
        if token.kind != "word" and token.text not in ("++", "--", "::", "*"):
            continue
        if token.text in NO_STATEMENT:
            continue
        if i + 1 < len(tokens) and tokens[i + 1].kind == "word":  # a declaration
            continue
        j = i
        while j < len(tokens) and tokens[j].text != ";":
            if tokens[j].kind == "mark" and tokens[j].text in "([{":
                j = pairs.get(j, len(tokens))
            elif tokens[j].kind == "mark" and tokens[j].text in ")]}":
                j = len(tokens)
            j += 1
        body = tokens[i:j]
        if j < len(tokens) and body and any(t.text in ("(", "=", "+=", "-=", "++", "--", "*=", "|=") for t in body):
            if not any(t.text == "{" and tokens[pairs[k + i]].end > t.end + 400 for k, t in enumerate(body) if k + i in pairs):
                yield i, j


def mutants_of(file, text):
    tokens = tokens_of(text)
    pairs = partners(tokens)
    silent = silent_ranges(tokens, pairs)
    found = []

    def add(start, end, new, kind):
        found.append(Mutant(file, start, text[start:end], new, kind))

    for i, token in enumerate(tokens):
        if i in silent:
            continue
        spaced = text[token.start - 1:token.start] in (" ", "\n") and text[token.end:token.end + 1] in (" ", "\n")
        if token.kind == "mark" and token.text in SWAPS and spaced and tokens[i - 1].text not in ("operator", "="):
            for new in SWAPS[token.text]:
                add(token.start, token.end, new, KINDS.get(token.text, "sign"))
        elif token.kind == "mark" and token.text == "!" and tokens[i + 1].start == token.end:
            add(token.start, token.end, "", "logic")
        elif token.kind == "number":
            for new in number_mutants(token.text):
                add(token.start, token.end, new, "constant")
        elif token.kind == "word" and token.text in WORDS and token.text != "ceil_div":
            if token.text in ("true", "false") or tokens[i - 1].text in ("::", ".", "->") and tokens[i + 1].text in ("(", "<"):
                add(token.start, token.end, WORDS[token.text], "constant" if token.text in ("true", "false") else "swapped")
        elif token.kind == "mark" and token.text in "({" and i in pairs and tokens[i - 1].kind == "word" and tokens[i - 1].text not in NO_STATEMENT:
            spans = arguments(tokens, i, pairs[i])
            if len(spans) < 2 or text[token.start:tokens[pairs[i]].end].count("\n") > 2:
                continue
            for (a, b), (c, d) in zip(spans, spans[1:]):
                first, second = text[tokens[a].start:tokens[b].end], text[tokens[c].start:tokens[d].end]
                if first != second and not declaration(text, tokens[a:b + 1]) and "[&" not in first + second and len(first) + len(second) < 80:
                    between = text[tokens[b].end:tokens[c].start]
                    add(tokens[a].start, tokens[d].end, second + between + first, "swapped arguments")
    for first, last in statements(tokens, pairs):
        if tokens[first].text not in MESSAGES - {"fail", "fail_file", "line"}:
            add(tokens[first].start, tokens[last].end, ";", "dropped statement")
    return found
