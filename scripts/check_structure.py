"""Checks who writes and reads which table, that files do not call each other in a circle,
and that a name that begins with find, keep or lock says what locks are taken.

usage: check_structure.py tables DOMAINS < READS
       check_structure.py circles
       check_structure.py verbs

A table's owner is the domain of the file in sql/20_table that makes it.  Files of that
domain alone write it or lock its rows.  READS has a line for each other file that names
it: the file, and the tables that it reads.  "table!" stands for one that it locks, "*"
for all that it reads.
Prints a line for each thing that is wrong.
"""

import glob
import os
import re
import sys

TABLE = r'\bleadterra\.(\w+)'
WRITE = (r'\b(?:INSERT\s+INTO|UPDATE(?:\s+ONLY)?|DELETE\s+FROM(?:\s+ONLY)?|MERGE\s+INTO'
         r'|TRUNCATE(?:\s+TABLE)?|COPY|ALTER\s+TABLE)\s+')
LOCK_TABLE = r'\bLOCK\s+(?:TABLE\s+)?(?:ONLY\s+)?'
LOCK = re.compile(r'\bFOR\s+(?:NO\s+KEY\s+UPDATE|UPDATE|SHARE|KEY\s+SHARE)\b'
                  r'(?:\s+OF\s+(\w+(?:\s*,\s*\w+)*))?')


def read(path):
    with open(path, encoding='utf-8') as file:
        return file.read()


def without_comments(text):
    """C without comments; strings are left as they are."""
    return re.sub(r'"(?:\\.|[^"\\])*"|/\*.*?\*/',
                  lambda m: m[0] if m[0][0] == '"' else ' ', text, flags=re.DOTALL)


def statements(path):
    """Lists the SQL in a file, a text a statement or more."""
    text = read(path)
    if path.endswith('.sql'):
        text = re.sub(r'--[^\n]*', '', text)
        text = re.sub(r"^COMMENT ON .*? IS\s+'(?:[^']|'')*';", '', text,
                      flags=re.DOTALL | re.MULTILINE)
        # Who has a trigger on a table does nothing to it.
        text = re.sub(r'^CREATE TRIGGER .*?;', '', text, flags=re.DOTALL | re.MULTILINE)
        return text.split(';')
    return [''.join(re.findall(r'"((?:\\.|[^"\\])*)"', part))
            for part in without_comments(text).split(';')]


def select_before(text, end):
    """Returns the SELECT that ends at a place, without what stands in parentheses in it."""
    depth = 0
    kept = []
    for place in range(end - 1, -1, -1):
        char = text[place]
        if char == ')':
            depth += 1
        elif char == '(':
            if depth == 0:
                break
            depth -= 1
        elif depth == 0:
            kept.append(char)
            if re.match(r'(?:SELECT|PERFORM)\b', text[place:end]):
                break
    return ''.join(reversed(kept))


def find_uses(path):
    """Returns the tables that a file names, locks and writes."""
    named, locked, written = set(), set(), set()
    for text in statements(path):
        named.update(re.findall(TABLE, text))
        written.update(re.findall(WRITE + TABLE, text))
        locked.update(re.findall(LOCK_TABLE + TABLE, text))
        for lock in LOCK.finditer(text):
            aliases = lock[1] and re.split(r'\s*,\s*', lock[1])
            source = select_before(text, lock.start())
            for table, alias in re.findall(TABLE + r'(?:\s+(?:AS\s+)?(\w+))?', source):
                if not aliases or alias in aliases:
                    locked.add(table)
    return named, locked, written


def check_tables(domains):
    owners = {}
    for path in glob.glob('sql/20_table/*.sql'):
        for table in re.findall(r'^CREATE TABLE leadterra\.(\w+)', read(path), re.MULTILINE):
            owners[table] = os.path.basename(path)[:-4]

    def domain_of(path):
        if path.startswith('sql/50_http/'):
            return 'http'
        name = re.sub(r'^\d+_', '', os.path.basename(path).split('.')[0])
        while name not in domains and '_' in name:
            name = name.rsplit('_', 1)[0]
        return name

    allowed = {}
    # A line that begins with a blank goes on with the one before.
    for line in re.sub(r'\n +', ' ', sys.stdin.read()).splitlines():
        path, *tables = line.split()
        allowed[path] = set(tables)
    for path in sorted(glob.glob('src/*.[ch]') + glob.glob('sql/*.sql') + glob.glob('sql/*/*.sql')):
        if re.match(r'sql/leadterra--', path):
            continue
        # What is put together of parts is not found.
        text = without_comments(read(path)) if path[-2:] == '.c' else ''
        for line in re.findall(r'.*(?:leadterra\.|(?:INTO|UPDATE|DELETE FROM) )" *\w.*', text):
            print(f'{path}: the name of a table is not written out: {line.strip()}')
        named, locked, written = (
            {table for table in uses if owners.get(table, domain_of(path)) != domain_of(path)}
            for uses in find_uses(path))
        for table in sorted(written):
            print(f'{path} writes {table}, which is of {owners[table]}')
        used = {table + '!' * (table in locked) for table in named - written}
        listed = allowed.pop(path, set())
        if '*' in listed and not locked:
            listed = used
        for table in sorted(used - listed):
            act = 'locks rows of' if table[-1] == '!' else 'reads'
            table = table.rstrip('!')
            print(f'{path} {act} {table}, which is of {owners[table]}')
        for table in sorted(listed - used):
            print(f'{path} is listed for {table}, and does not do that')
    for path in allowed:
        print(f'{path} is listed, and there is no such file')


def check_circles():
    texts = {os.path.basename(path)[:-2]: without_comments(read(path))
             for path in glob.glob('src/*.c')}
    headers = ''.join(without_comments(read(path)) for path in glob.glob('src/*.h'))
    declared = set(re.findall(r'^extern [^;(]*?(\w+)\(', headers, re.MULTILINE))
    where = {name: file for file, text in texts.items()
             for name in re.findall(r'^(\w+)\(', text, re.MULTILINE) if name in declared}
    calls = {file: {where[name] for name in re.findall(r'\w+', text) if name in where} - {file}
             for file, text in texts.items()}
    # Files that call none but those that are gone are gone, until there are no more.
    while done := {file for file, called in calls.items() if not called & calls.keys()}:
        for file in done:
            del calls[file]
    # Nor are those in a circle that nobody in one calls.
    while done := calls.keys() - set().union(*calls.values()):
        for file in done:
            del calls[file]
    for file in sorted(calls):
        others = ', '.join(f'{other}.c' for other in sorted(calls[file] & calls.keys()))
        print(f'{file}.c calls {others}')


STRENGTH = r'\bFOR\s+(NO\s+KEY\s+UPDATE|UPDATE|KEY\s+SHARE|SHARE)\b'
VERBS = {'find': set(), 'keep': {'KEY SHARE'}, 'lock': {'UPDATE', 'NO KEY UPDATE', 'SHARE'}}


def check_verbs():
    """Compares the names of statements in C, and of functions in SQL, with what they lock."""
    named = []
    for path in sorted(glob.glob('src/*.c')):
        text = without_comments(read(path))
        macros = {name: (parameter, body) for name, parameter, body in
                  re.findall(r'^#define (\w+)\((\w+)\)((?:.*\\\n)*.*)', text, re.MULTILINE)}
        for name, body in re.findall(r'^static Statement (\w+) = STATEMENT\((.*?)\);$', text,
                                     re.MULTILINE | re.DOTALL):
            for macro, argument in re.findall(r'(\w+)\(("[^"]*")\)', body):
                parameter, text_of_macro = macros.get(macro, ('', ''))
                body += text_of_macro.replace(f'" {parameter} "', argument.strip('"'))
            # A statement that calls a function of SQL locks what that does.
            if 'leadterra.' + name + '(' not in body:
                named.append((path, name, body))
    for path in sorted(glob.glob('sql/*/*.sql')):
        for name, body in re.findall(
                r'^CREATE FUNCTION leadterra\.(\w+)(.*?)\n(?=CREATE|COMMENT)', read(path),
                re.MULTILINE | re.DOTALL):
            if "'MODULE_PATHNAME'" not in body:
                named.append((path, name, body))
    for path, name, body in named:
        wanted = VERBS.get(name.split('_')[0])
        locks = {re.sub(r'\s+', ' ', lock) for lock in re.findall(STRENGTH, body)}
        if wanted is not None and (locks - wanted or wanted and not locks):
            found = 'locks FOR ' + ', '.join(sorted(locks)) if locks else 'locks no row'
            print(f'{path}: {name} {found}')


if sys.argv[1] == 'tables':
    check_tables(sys.argv[2].split())
elif sys.argv[1] == 'circles':
    check_circles()
else:
    check_verbs()
