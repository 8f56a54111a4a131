#!/usr/bin/env python3
"""Reads mails that the worker composes with Python's own parser, and prints TAP.

COMPOSE is the program that test/compose.c is.
"""
import datetime
import email
import email.header
import email.policy
import email.utils
import os
import subprocess
import sys
import tempfile

ID = '0190a6e0-0000-7000-8000-000000000001'
FIRST = '0190a6e0-0000-7000-8000-000000000002'
SECOND = '0190a6e0-0000-7000-8000-000000000003'
HOSTILE = 'a\r\nBcc: x@example.com\r\n\r\n<p>b'
COUNT = 0
FAILED = 0

PLAIN = {
    'message_id': ID, 'email': 'leo@example.com', 'subject': 'Hi', 'body_html': '<p>Hi</p>',
    'body_text': 'Hi', 'sender_email': 'ann@acme.example',
}


def line_of(text):
    """What a text becomes as the value of a header: one line."""
    return ''.join(' ' if c in '\u2028\u2029' or ord(c) < 32 or 127 <= ord(c) < 160 else c
                   for c in text).strip()


def with_(**fields):
    return {**PLAIN, **fields}


MAILS = {
    'a plain mail': PLAIN,
    'a name': with_(sender_name='Ann Lee'),
    'a name with signs': with_(sender_name='Lee, Ann "A" \\ (Acme) <x@y> @;:'),
    'a name in UTF-8': with_(sender_name='Jörg Müller, Acme'),
    'a name in Japanese': with_(sender_name='山田 太郎' * 20),
    'a name with emoji': with_(sender_name='Ann 👩‍👩‍👧 🇩🇪'),
    'a name like an encoded word': with_(sender_name='=?utf-8?q?x?= y'),
    'a name of 10,000 characters': with_(sender_name='ab ' * 3333 + 'c'),
    'a name that goes the other way': with_(sender_name='a\u202eb\u202c \u05d0'),
    'a name that breaks lines': with_(sender_name=HOSTILE),
    'an empty name': with_(sender_name=''),
    'a subject in UTF-8': with_(subject='Größe: 10 €'),
    'a subject with a space at the break': with_(subject='ü' + 'a ' * 100 + 'ü'),
    'a subject with two spaces': with_(subject='a  b   c'),
    'a subject like an encoded word': with_(subject='=?utf-8?q?x?= =?utf-8?q?y?='),
    'a subject like half of one': with_(subject='What =? is this ?='),
    'a subject of 10,000 characters': with_(subject='é' * 10000),
    'a subject of one long word': with_(subject='a' * 5000),
    'a subject of long words': with_(subject=' '.join('a' * n for n in range(60, 200, 7))),
    'a subject that breaks lines': with_(subject=HOSTILE),
    'a subject with other breaks': with_(subject='a\u2028b\u2029c\x85d\x0be\x7ff'),
    'a subject that goes the other way': with_(subject='\u202eevil\u2066 שלום'),
    'an empty subject': with_(subject=''),
    'a subject of spaces': with_(subject='   '),
    'a subject with colons': with_(subject='Re: Fwd: a: b'),
    'a long body': with_(body_html='<p>Hello, how are you?</p>' * 8000),
    'a long body in UTF-8': with_(body_html='<p>Größe und Preis.</p>\n' * 10000),
    'a long body in Japanese': with_(body_html='<p>こんにちは。</p>' * 8000),
    'a body of one line': with_(body_html='a' * 200000, body_text='b' * 3000),
    'a body that looks encoded': with_(body_text='=3D =\n=20\n==\n', body_html='=C3=A9'),
    'a body with dots': with_(body_text='.\n..\n.a\n\n.\nb.', body_html='.\r\n.<p>\r\n.'),
    'a long line with dots': with_(body_text='a. ' * 500 + '.', body_html='.' * 500),
    'a body with space at the end of lines': with_(body_text='a \nb\t\n \n c', body_html=' '),
    'a body with From at the start of a line': with_(body_text='From a\n>From b'),
    'a body with all line breaks': with_(body_text='a\nb\r\nc\rd', body_html='\n\n'),
    'a body with a boundary': with_(body_text='--=-x\n--=-x--\nContent-Type: text/plain\n\n'),
    'a body with controls': with_(body_text='a\x01\x1b[1mb\x7f'),
    'a reply address': with_(reply_to='team@acme.example'),
    'another sender': with_(sender_email='', from_address='bo@acme.example', from_name='Bö'),
    'a domain in UTF-8': with_(email='leo@bücher.example', sender_email='ann@müller.example'),
    'a local part in UTF-8': with_(email='léo@bücher.example'),
    'a reply address in UTF-8': with_(reply_to='tëam@acme.example'),
    'a link to unsubscribe': with_(unsubscribe_url='https://example.com/u/' + 'A' * 90),
    'a long link to unsubscribe': with_(unsubscribe_url='https://example.com/?' + 'a=1&' * 200),
    'a link without TLS': with_(unsubscribe_url='http://example.com/u/a'),
    'a link with signs': with_(unsubscribe_url='https://example.com/u/a>\r\nBcc: <x b'),
    'a thread': with_(references=[FIRST, SECOND]),
    'a long thread': with_(references=[FIRST, SECOND] * 13),
    'headers': with_(headers=['X-Campaign', 'Spring', 'X-Größe'[:3] + 'Size', '10 € ' * 50,
                              'Precedence', 'bulk', 'X-Empty', '', 'X-Break', HOSTILE,
                              'X-' + 'N' * 74, 'ü', 'X-Word', '=?utf-8?q?x?=']),
    'a return path': with_(return_path='bounces@acme.example'),
    'all of it': with_(sender_name='Jörg', subject='Größe', reply_to='r@acme.example',
                       references=[FIRST], headers=['X-A', 'b'], return_path='b@acme.example',
                       unsubscribe_url='https://example.com/u/a'),
}


def ok(passed, name, *told):
    global COUNT, FAILED
    COUNT += 1
    FAILED += not passed
    print(f'{"" if passed else "not "}ok {COUNT} - {name}')
    for line in told if not passed else ():
        print('# ' + repr(line)[:2000])


def same(got, expected, name):
    ok(got == expected, name, got, expected)


def escape(value):
    """A value of a key file."""
    if isinstance(value, list):
        return ''.join(escape(one).replace(';', '\\;') + ';' for one in value)
    value = value.replace('\\', '\\\\').replace('\n', '\\n').replace('\r', '\\r')
    return value.replace('\t', '\\t').replace(' ', '\\s')


def compose(program, fields):
    """Returns the envelope and the bytes of a mail."""
    with tempfile.NamedTemporaryFile('w', suffix='.ini', newline='') as file:
        file.write('[message]\n')
        file.writelines(f'{name}={escape(value)}\n' for name, value in fields.items())
        file.flush()
        output = subprocess.run([program, file.name], check=True, capture_output=True).stdout
    sender, recipient, utf8, length, content = output.split(b'\n', 4)
    assert len(content) == int(length)
    return sender.decode(), recipient.decode(), utf8 == b'1', content


def a_labels(address):
    local, _, domain = address.rpartition('@')
    return f'{local}@{domain.encode("idna").decode()}'


def body_of(text):
    """What a text is as the body of a part."""
    return text.replace('\r\n', '\n').replace('\r', '\n').removesuffix('\n') + '\n'


def check_bytes(content, utf8, name):
    lines = content.split(b'\r\n')
    header = lines[:lines.index(b'')]
    ok(b'\r' not in b''.join(lines) and b'\n' not in b''.join(lines), f'{name}: CRLF alone')
    ok(max(map(len, lines)) <= 998, f'{name}: no line is too long')
    ok(max(map(len, lines[len(header):])) <= 76, f'{name}: those of the body have 76 characters')
    ok(utf8 or content.isascii(), f'{name}: ASCII')
    ok(all(line.strip() for line in header), f'{name}: no line of the header is blank')


def check_address(content, header, display, address, name):
    """The structured parser puts spaces between encoded words of a name: this one does not."""
    mail = email.message_from_bytes(content, policy=email.policy.compat32)
    value = dict(mail.raw_items())[header].encode('ascii', 'surrogateescape').decode()
    found, spec = email.utils.parseaddr(value.replace('\r\n', ''))
    found = str(email.header.make_header(email.header.decode_header(found)))
    same((found, spec), (line_of(display or ''), a_labels(address)), f'{name}: {header}')


def check_text(mail, fields, name):
    plain, rich = mail.iter_parts()
    same((mail.get_content_type(), plain.get_content_type(), rich.get_content_type()),
         ('multipart/alternative', 'text/plain', 'text/html'), f'{name}: parts')
    same(plain.get_content().replace('\r\n', '\n'), body_of(fields['body_text']), f'{name}: text')
    same(rich.get_content().replace('\r\n', '\n'), body_of(fields['body_html']), f'{name}: HTML')


def check_thread(mail, fields, domain, name):
    ids = [f'<{one}@{domain}>' for one in fields.get('references', [])]
    same((mail.get('References') or '').split(), ids, f'{name}: References')
    same(mail.get('In-Reply-To'), ids[-1] if ids else None, f'{name}: In-Reply-To')


def check_unsubscribe(mail, fields, name):
    url = fields.get('unsubscribe_url')
    for sign in '\r\n <>':
        url = url and url.replace(sign, f'%{ord(sign):02X}')
    same(mail.get('List-Unsubscribe'), url and f'<{url}>', f'{name}: List-Unsubscribe')
    same(mail.get('List-Unsubscribe-Post'),
         'List-Unsubscribe=One-Click' if url and url.startswith('https:') else None,
         f'{name}: one click')


def check_names(mail, fields, name):
    expected = ['From', 'To', 'Subject', 'Date', 'Message-ID', 'MIME-Version', 'Content-Type']
    expected += ['Reply-To'] if fields.get('reply_to') else []
    expected += ['In-Reply-To', 'References'] if fields.get('references') else []
    if fields.get('unsubscribe_url'):
        expected.append('List-Unsubscribe')
        if fields['unsubscribe_url'].startswith('https:'):
            expected.append('List-Unsubscribe-Post')
    expected += fields.get('headers', [])[::2]
    same(sorted(mail.keys()), sorted(expected), f'{name}: no other headers')


def check(program, name, fields):
    sender, recipient, utf8, content = compose(program, fields)
    mail = email.message_from_bytes(content, policy=email.policy.default)
    from_email = fields['sender_email'] or fields['from_address']
    from_name = fields.get('sender_name') if fields['sender_email'] else fields['from_name']
    domain = a_labels(from_email).rpartition('@')[2]
    addresses = [fields['email'], from_email, fields.get('reply_to', '')]

    check_bytes(content, utf8, name)
    same(recipient, a_labels(fields['email']), f'{name}: recipient')
    same(utf8, not all(one.rpartition('@')[0].isascii() for one in addresses), f'{name}: SMTPUTF8')
    if fields.get('return_path'):
        local, _, host = fields['return_path'].partition('@')
        ok(sender.startswith(f'{local}+') and sender.endswith(f'@{host}') and
           len(sender) == len(fields['return_path']) + 40, f'{name}: return path', sender)
    else:
        same(sender, a_labels(from_email), f'{name}: sender')
    check_address(content, 'From', from_name, from_email, name)
    check_address(content, 'To', None, fields['email'], name)
    if fields.get('reply_to'):
        check_address(content, 'Reply-To', None, fields['reply_to'], name)
    same(mail['Subject'], line_of(fields['subject']), f'{name}: Subject')
    same(mail['Message-ID'], f'<{ID}@{domain}>', f'{name}: Message-ID')
    age = datetime.datetime.now(datetime.timezone.utc) - mail['Date'].datetime
    ok(abs(age.total_seconds()) < 3600, f'{name}: Date')
    check_thread(mail, fields, domain, name)
    check_unsubscribe(mail, fields, name)
    for header, value in zip(fields.get('headers', [])[::2], fields.get('headers', [])[1::2]):
        same(mail[header], line_of(value), f'{name}: {header}')
    check_names(mail, fields, name)
    check_text(mail, fields, name)
    same([part.defects for part in mail.walk() if part.defects], [], f'{name}: no defects')


for case, what in MAILS.items():
    check(os.environ['COMPOSE'], case, what)
print(f'1..{COUNT}')
sys.exit(FAILED > 0)
