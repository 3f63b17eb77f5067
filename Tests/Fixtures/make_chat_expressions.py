"""Writes Tests/Fixtures/chat/expressions.json: small templates, and what Jinja makes of each.

Jinja is set up as Hugging Face's transformers sets it up. An entry has "text", or "fails" where Jinja refuses.

Run: python3 make_chat_expressions.py (needs jinja2).
"""
import datetime
import json
import pathlib

import jinja2
import jinja2.ext
from jinja2.sandbox import ImmutableSandboxedEnvironment

TARGET = pathlib.Path(__file__).resolve().parent / "chat" / "expressions.json"
NOW = 1732600000
VARIABLES = {"m": {"a": 1, "b": [{"c": "d"}], "s": "\u00e9"}}

# Expressions, apart by semicolons.
EXPRESSIONS = r"""
-1|abs; 'abc'|upper ~ 'd'; 1 if false; [1,2,3][::-1]; [1,2,3][-2:]; 'héllo'[1]; 'héllo'[::-1]
'a,b,,c'.split(','); ' a b  c '.split(); ' a b  c '.split(None,1); 'a,b,c'.split(',',1); 'x'.join(['a','b'])
['a',1,none]|join('-'); {'a':1,'b':2}.keys()|list; {'a':1}.get('b'); {'a':1}.get('b',3); 7//2; -7//2; -7%3; 7%-3
7.5//2; -7.5%2; 1/2; 2*3.0; 1e16; 1e-5; 0.1+0.2; 'ab'*3; [1]+[2]; 1==1.0; true==1; 'a'<'b'; 1<2<3; 3>2>2
'a' in 'abc'; 'x' not in ['x']; not true or true; none is none; x is defined; x is not defined; 1 is number
true is integer; true is number; 'a' is sequence; 5 is odd; 4 is even; 9 is divisibleby 3; 'a' is eq 'a'
'a' is in ['a']; m.a is eq m['a']; 1 is eq m.a; 1 is eq m.a and true; {} is mapping; [] is iterable
none is iterable; 1.5 is float; true is true; 1 is true; 'hello world'|title; "it's x-ray (foo) bar"|title
"it's x-ray".title(); 'hELLO wORLD'|capitalize; 'straße'|upper; 'ǆabc'|capitalize; 'İ'|lower; ''|first; []|last
[3,1,2]|sort; ['b','A','c']|sort; ['b','A','c']|sort(reverse=true); [1,1,2]|unique|list
[{'a':2},{'a':1}]|sort(attribute='a'); 'abc'|reverse; 'abc'|list; 'aXbX'|replace('X','y')
'aXbX'|replace('X','y',1); 'abc'|replace('','-'); 5|string|length; '12'|int; 'x'|int; 'x'|int(7); '3.7'|int
'3.7'|float; none|int; 3.9|int; x|default('d'); ''|default('d',true); none|default('d'); none|d('e',true)
[1,'a',none,true,{'k':[1.5]}]|string; {'a':'x\ny','b':"it's"}; {'a':1,'b':[1,2,{}], 'c':[], 'é':'ü'}|tojson
{'a':1,'b':[1,2,{}],'c':[],'é':'ü<&>\u2028'}|tojson(indent=2); {'b':1,'a':2}|tojson(sort_keys=true)
[1,2]|tojson(separators=(',',':')); 'é'|tojson(ensure_ascii=true); 1.0|tojson; x|tojson; x.y; x.y.z; none.a
none.a.b; 'a'+1; 1+true; -true; [1,2]|length; {'a':1}|length; 5|length; x|length; 'a\tb\\'; "a\x41\u00e9"
'a' 'b'; [1,2,3]|map('string')|join; [{'a':{'b':1}}]|map(attribute='a.b')|list
[{'a':1},{}]|selectattr('a','defined')|list; [{'a':1},{'a':0}]|rejectattr('a')|list; [1,2,3]|select('odd')|list
[0,1]|reject|list; range(3)|list; range(5,0,-2)|list; range(2,4)|list; dict(a=1,b=2); namespace(a=1).a
strftime_now('%d %b %Y'); strftime_now('%A %B %H:%M:%S %y %m %a %%'); raise_exception('no'); m.b[0].c; m['zz']
m.zz is undefined; m.items()|list|length; 'abc'.startswith('ab'); 'abc'.startswith(('x','a'))
'abc'.endswith('c'); 'xxaxx'.strip('x'); 'xxaxx'.lstrip('x'); 'xxaxx'.rstrip('x'); '\n a \n'.strip()
'\n a \n'|trim; 'xax'|trim('x'); 'a'.replace('a','b').upper(); 1 ~ none ~ true ~ 1.5 ~ [1]; (1,2)[0]; [1,2][5]
'abc'[10]; {'a':1}=={'a':1.0}; {'a':1,'b':2}=={'b':2,'a':1}; [1]==[1]; [1]<[2]; none==false; x==y; x!=none
1!='1'; 'a'>1; '%s'|string; 9007199254740993+0; 9007199254740993==9007199254740992; 9007199254740993*1
'é' == 'é'; {'é':1}['é']; 'a\u0301'|length; '👩‍👩‍👧'|length; '👩‍👩‍👧'[0]; 'a b'.split(' ')[-1]|upper
(1 if x else 2) + 3; not x and not y; 'a' if x is defined else 'b' if y is defined else 'c'; [1,2,3]|first + 1
1 + [2,3]|last; 2 - -1; - - 1; +1; 3 - 2 - 1; 2 * 3 % 4; 1 + 2 ~ 3 + 4; m.a == 1 and m.b is defined or x
(m.b|first).c; m.b|map(attribute='c')|join(','); [[1,2],[3]]|map('length')|list; ['a','b']|map('upper')|list
'A-b'|lower; '  '|trim|length; 'a'.title() ~ 'éa b'.title(); 'a1b'.title(); '\x85a\x1c'.strip()|length
['x', 'y'] is string; 1_000; 0.5; 1e3; 'x'.capitalize(); 'a\r\nb'; messages|length; m|string
undefined_fn is defined; strftime_now is defined; namespace is defined; loop is defined
'a' is string and 'b' is not none; m.a is not none and m.a is not undefined; true and 'x' or 'y'
0 or '' or none; [] and 1; 'b' in m; 'zz' in m; 1 in [1.0]; none in [none]; '' in 'abc'; 'a' in x; 5 in 5
'abcb'.find('b'); 'é1b'.find('b'); 'a'.find('z'); 'abab'.count('ab'); 'ab'.count('')
{'b':1,'A':2}|dictsort|map('first')|join; {'a':1}.items()|list|first|first; 1e300; 'a'.split('b', 2)
[1,2,3][::0]; [1,2,3][5:1:-1]; 'abc'[-5:2]; [1,2,3][-9223372036854775807:]; [1,2,3][::9223372036854775807]
range(0)|list|length; {'a':none}|tojson; 'a' * 0; 0 * 'a'; [1,2] * 2; 9223372036854775807 - 1
-9223372036854775807 - 1; 7 % -7; 0 % -1
(1, 2); (1,); (); ('a', [1, (2,)], {'k': ("it's", none)}); (1, 2)|string; (1, 2) == [1, 2]; (1, 2) == (1, 2)
(1,) + (2,); (1,) + [2]; [1] + (2,); (1, 2) * 2; 0 * (1,); (1, 2, 3)[1:]; (1, 2)[::-1]; (1, 2)|list; (1, (2, 3))|tojson
m.items()|list; {'b':1,'a':2}|dictsort; m|items|list|first; (1, 2) < (1, 3); (1,) < [2]; 'abc'.startswith(['a'])
'abc'.endswith(('x', 'c')); (1, 2)|length; 2 in (1, 2); (2,) in [(2,)]; [2] in [(2,)]; (1,)|join; ()|first; ('x',) ~ 'y'
(1, 2) is sequence; (1, 2) is iterable; (1, 2) is mapping; (1, 2) is string; () or 'empty'; (3, 1)|sort; (1, 2)|last
((1, 2), (3,))|map('length')|list; (1, 2)|map('string')|join('-'); dict(a=1).items()|list|string
[1, 2][:1] == (1,); (none,)|string; (1 , 2 ,); (1)
"""

TEMPLATES = [
    '{% for k, v in m.items() %}{{ k }}={{ v }},{% endfor %}',
    '{% for x in [1,2,3] if x != 2 %}{{ loop.index }}/{{ loop.length }}{{ x }}{{ loop.previtem }}{{ loop.nextitem }}{{ loop.last }} {% else %}e{% endfor %}',
    '{% for x in [] %}{% else %}E{% endfor %}',
    '{% set a = 1 %}{% for x in [1,2] %}{{ a }}{% set a = 5 %}{{ a }}{% endfor %}{{ a }}',
    '{% set ns = namespace(a=1) %}{% for x in [1,2] %}{% set ns.a = ns.a + x %}{% endfor %}{{ ns.a }}',
    "{% macro f(a, b='z') %}{{ a }}{{ b }}{{ q }}{% endmacro %}{% set q = 'Q' %}{{ f(1) }}{{ f(1, 2) }}{{ f(b=3, a=4) }}",
    '{% macro f(n) %}{% set n.a = 5 %}{% endmacro %}{% set ns = namespace(a=1) %}{{ f(ns) }}{{ ns.a }}',
    '{% set a = namespace(v=1) %}{% set b = a %}{% set b.v = 2 %}{{ a.v }}',
    '{% if x %}a{% elif m %}b{% else %}c{% endif %}',
    '  {% if true %}\n  a\n  {% endif %}\n b',
    "a {{- ' b ' -}} c",
    'a\n  {#- c -#}  \n b',
    '  {%+ if true %}x{% endif +%}\n y',
    '{% set t %}\n hi {{ 1 }}\n{% endset %}[{{ t }}]',
    '{% for i in range(5) %}{% if i == 1 %}{% continue %}{% endif %}{% if i == 3 %}{% break %}{% endif %}{{ i }}{% endfor %}',
    '{% for i in [1,2] %}{% for j in [1,2] %}{{ loop.index }}{% endfor %}{{ loop.index }}{% endfor %}',
    "{% for c in 'ab' %}{{ c }}.{% endfor %}",
    'x\r\ny\r\n',
    "{{ '}}' }}{{ {'a': {'b': 1}}['a']['b'] }}",
    '\n{% if true %}\n\n a{% endif %}\n',
    '{% if true %}   {% endif %} {% if true %}\t{% endif %}x',
    '{{ 1 }}   {% if true %}x{% endif %}',
    '{% generation %}a{% endgeneration %}',
    "{% set m = {'a': 9} %}{{ m.a }}",
    '{% for m in [1] %}{{ m }}{% endfor %}{{ m.a }}',
    '{% set a %}{% for x in [1] %}{{ x }}{% endfor %}{% endset %}{{ a|int + 1 }}',
    '{% if not (m.a == 2) %}y{% endif %}',
    '{{ loop }}',
    '{% for x in [[1,2],[3,4]] %}{{ x[0] }}{% endfor %}',
    '{% for a, b in [[1,2],[3,4]] %}{{ a+b }}{% endfor %}',
    '{% for a, b in [[1,2,3]] %}{% endfor %}',
    '{% for x in 5 %}{% endfor %}',
    '{% for x in none %}{% endfor %}',
    '{{ m.a.b.c }}',
    '{% set x.a = 1 %}',
    "{%- macro g(x) -%} {{ x }} {%- endmacro -%}[{{ g('a') }",
    '{% macro r(n) %}{{ n }}{% if n %}{{ r(n - 1) }}{% endif %}{% endmacro %}{{ r(20) }}',
]


class Generation(jinja2.ext.Extension):
    tags = {"generation"}

    def parse(self, parser):
        next(parser.stream)
        return parser.parse_statements(["name:endgeneration"], drop_needle=True)


def refuse(message):
    raise jinja2.exceptions.TemplateError(message)


def to_json(value, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(
        value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def now(form):
    return datetime.datetime.fromtimestamp(NOW, datetime.timezone.utc).strftime(form)


environment = ImmutableSandboxedEnvironment(
    trim_blocks=True, lstrip_blocks=True, extensions=[Generation, jinja2.ext.loopcontrols])
environment.filters["tojson"] = to_json
environment.globals.update(raise_exception=refuse, strftime_now=now)


def case(source):
    try:
        text = environment.from_string(source).render(messages=[], tools=None, **VARIABLES)
        return {"template": source, "text": text}
    except Exception:
        return {"template": source, "fails": True}


expressions = [part.strip() for line in EXPRESSIONS.strip().split("\n") for part in line.split("; ")]
cases = [case("{{ " + expression + " }}") for expression in expressions] + [case(source) for source in TEMPLATES]
TARGET.write_text(json.dumps({"now": NOW, "variables": VARIABLES, "cases": cases}, indent=0) + "\n")
print(len(cases), sum("fails" in item for item in cases))
