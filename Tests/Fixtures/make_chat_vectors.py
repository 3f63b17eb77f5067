"""Writes Tests/Fixtures/chat/vectors.json: templates of many kinds, conversations, and what Jinja makes of them.

The formats are those of the model families; the templates are written for these tests, with the constructs that the
families' own use. Generated templates come from a grammar of such constructs.

Run: python3 make_chat_vectors.py (needs jinja2).
"""
import datetime
import json
import pathlib
import random

import jinja2
import jinja2.ext
from jinja2.sandbox import ImmutableSandboxedEnvironment

TARGET = pathlib.Path(__file__).resolve().parent / "chat"
NOW = 1732600000

FAMILIES = {
    "llama2": """{% if messages[0]['role'] == 'system' %}{% set rest = messages[1:] %}{% set system = messages[0]['content'] %}
{%- else %}{% set rest = messages %}{% set system = false %}{% endif %}
{% for message in rest %}
  {% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('roles must alternate') }}{% endif %}
  {% if loop.index0 == 0 and system != false %}
    {% set content = '<<SYS>>\\n' + system + '\\n<</SYS>>\\n\\n' + message['content'] %}
  {% else %}{% set content = message['content'] %}{% endif %}
  {% if message['role'] == 'user' %}{{ bos_token + '[INST] ' + content.strip() + ' [/INST]' }}
  {%- elif message['role'] == 'assistant' %}{{ ' ' + content.strip() + ' ' + eos_token }}{% endif %}
{% endfor %}""",
    "llama3": """{{- bos_token }}{%- if not date_string is defined %}{%- set date_string = strftime_now("%d %b %Y") %}{%- endif %}
{%- if messages[0]['role'] == 'system' %}{%- set system = messages[0]['content']|trim %}{%- set messages = messages[1:] %}
{%- else %}{%- set system = "" %}{%- endif %}
{{- "<|start_header_id|>system<|end_header_id|>\\n\\n" }}{{- "Today Date: " + date_string + "\\n\\n" }}
{%- if tools is not none and tools is defined %}{{- "Functions:\\n" }}
{%- for t in tools %}{{- t | tojson(indent=4) }}{{- "\\n\\n" }}{%- endfor %}{%- endif %}
{{- system }}{{- "<|eot_id|>" }}
{%- for message in messages %}
  {%- if not (message.role == 'ipython' or message.role == 'tool' or 'tool_calls' in message) %}
    {{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n' + message['content'] | trim + '<|eot_id|>' }}
  {%- elif 'tool_calls' in message %}
    {%- if not message.tool_calls|length == 1 %}{{- raise_exception("one call at a time") }}{%- endif %}
    {%- set call = message.tool_calls[0].function %}
    {{- '{"name": "' + call.name + '", "parameters": ' }}{{- call.arguments | tojson }}{{- "}<|eot_id|>" }}
  {%- elif message.role == "tool" %}
    {%- if message.content is mapping or message.content is iterable and message.content is not string %}
      {{- message.content | tojson }}{%- else %}{{- message.content }}{%- endif %}{{- "<|eot_id|>" }}
  {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{%- endif %}""",
    "qwen": """{%- if tools %}{{- '<|im_start|>system\\n# Tools\\n<tools>' }}
  {%- for tool in tools %}{{- "\\n" }}{{- tool | tojson }}{%- endfor %}{{- "\\n</tools><|im_end|>\\n" }}{%- endif %}
{%- set ns = namespace(multi_step_tool=true, last=messages|length - 1) %}
{%- for message in messages[::-1] %}
  {%- set index = (messages|length - 1) - loop.index0 %}
  {%- if ns.multi_step_tool and message.role == "user" and not(message.content.startswith('<r>') and message.content.endswith('</r>')) %}
    {%- set ns.multi_step_tool = false %}{%- set ns.last = index %}{%- endif %}
{%- endfor %}
{%- for message in messages %}
  {%- if message.content is string %}{%- set content = message.content %}{%- else %}{%- set content = '' %}{%- endif %}
  {%- if (message.role == "user") or (message.role == "system" and not loop.first) %}
    {{- '<|im_start|>' + message.role + '\\n' + content + '<|im_end|>' + '\\n' }}
  {%- elif message.role == "assistant" %}
    {%- set reasoning = '' %}
    {%- if '</think>' in content %}
      {%- set reasoning = content.split('</think>')[0].rstrip('\\n').split('<think>')[-1].lstrip('\\n') %}
      {%- set content = content.split('</think>')[-1].lstrip('\\n') %}{%- endif %}
    {{- '<|im_start|>assistant\\n' }}{%- if loop.index0 > ns.last and reasoning %}{{- '<think>\\n' ~ reasoning ~ '\\n</think>\\n\\n' }}{%- endif %}
    {%- generation %}{{- content }}{%- endgeneration %}
    {%- for tool_call in message.tool_calls or [] %}
      {%- if tool_call.function %}{%- set tool_call = tool_call.function %}{%- endif %}
      {{- '\\n<tool_call>\\n{"name": "' ~ tool_call.name ~ '", "arguments": ' }}
      {%- if tool_call.arguments is string %}{{- tool_call.arguments }}{%- else %}{{- tool_call.arguments | tojson }}{%- endif %}
      {{- '}\\n</tool_call>' }}{%- endfor %}{{- '<|im_end|>\\n' }}
  {%- elif message.role == "tool" %}
    {%- if loop.first or (messages[loop.index0 - 1].role != "tool") %}{{- '<|im_start|>user' }}{%- endif %}
    {{- '\\n<r>\\n' }}{{- content }}{{- '\\n</r>' }}
    {%- if loop.last or (messages[loop.index0 + 1].role != "tool") %}{{- '<|im_end|>\\n' }}{%- endif %}
  {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- if enable_thinking is defined and enable_thinking is false %}{{- '<think>\\n\\n</think>\\n\\n' }}{%- endif %}{%- endif %}""",
    "mistral": """{%- if messages[0]["role"] == "system" %}{%- set system = messages[0]["content"] %}{%- set turns = messages[1:] %}
{%- else %}{%- set turns = messages %}{%- endif %}
{%- if not tools is defined %}{%- set tools = none %}{%- endif %}
{%- set users = turns | selectattr("role", "equalto", "user") | list %}
{{- bos_token }}
{%- for message in turns %}
  {%- if message["role"] == "user" %}
    {%- if tools is not none and (message == users[-1]) %}{{- "[AVAILABLE_TOOLS] [" }}
      {%- for tool in tools %}{%- set tool = tool.function %}{{- '{"type": "function", "function": {' }}
        {%- for key, val in tool.items() if key != "return" %}
          {%- if val is string %}{{- '"' + key + '": "' + val + '"' }}{%- else %}{{- '"' + key + '": ' + val|tojson }}{%- endif %}
          {%- if not loop.last %}{{- ", " }}{%- endif %}{%- endfor %}{{- "}}" }}
        {%- if not loop.last %}{{- ", " }}{%- else %}{{- "]" }}{%- endif %}{%- endfor %}{{- "[/AVAILABLE_TOOLS]" }}{%- endif %}
    {%- if loop.last and system is defined %}{{- "[INST] " + system + "\\n\\n" + message["content"] + "[/INST]" }}
    {%- else %}{{- "[INST] " + message["content"] + "[/INST]" }}{%- endif %}
  {%- elif message["role"] == "assistant" and message.content %}{{- " " + message["content"]|trim + eos_token }}{%- endif %}
{%- endfor %}""",
    "gemma": """{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}
{% for message in messages %}
{% set role = 'model' if message['role'] == 'assistant' else message['role'] %}
{{ '<start_of_turn>' + role + '\n' + (message['content'] or '') | trim + '<end_of_turn>\n' }}{% endfor %}
{% if add_generation_prompt %}{{'<start_of_turn>model\n'}}{% endif %}""",
    "gemma3": """{{ bos_token }}
{%- if messages[0]['role'] == 'system' -%}
    {%- if messages[0]['content'] is string -%}{%- set opening = messages[0]['content'] + '\n\n' -%}
    {%- else -%}{%- set opening = messages[0]['content'][0]['text'] + '\n\n' -%}{%- endif -%}
    {%- set turns = messages[1:] -%}
{%- else -%}{%- set opening = "" -%}{%- set turns = messages -%}{%- endif -%}
{%- for message in turns -%}
    {%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) -%}{{ raise_exception("user and assistant must take turns") }}{%- endif -%}
    {%- if message['role'] == 'assistant' -%}{%- set role = "model" -%}{%- else -%}{%- set role = message['role'] -%}{%- endif -%}
    {{ '<start_of_turn>' + role + '\n' + (opening if loop.first else "") }}
    {%- if message['content'] is string -%}{{ message['content'] | trim }}
    {%- elif message['content'] is iterable -%}
        {%- for item in message['content'] -%}
            {%- if item['type'] == 'image' -%}{{ '<start_of_image>' }}
            {%- elif item['type'] == 'text' -%}{{ item['text'] | trim }}{%- endif -%}
        {%- endfor -%}
    {%- else -%}{{ raise_exception("neither text nor parts") }}{%- endif -%}
    {{ '<end_of_turn>\n' }}
{%- endfor -%}
{%- if add_generation_prompt -%}{{ '<start_of_turn>model\n' }}{%- endif -%}
""",
    "llama3.2": """{{- bos_token }}
{%- if custom_tools is defined %}{%- set tools = custom_tools %}{%- endif %}
{%- if not tools_in_user_message is defined %}{%- set tools_in_user_message = true %}{%- endif %}
{%- if not date_string is defined %}
    {%- if strftime_now is defined %}{%- set date_string = strftime_now("%d %b %Y") %}{%- else %}{%- set date_string = "26 Jul 2024" %}{%- endif %}
{%- endif %}
{%- if not tools is defined %}{%- set tools = none %}{%- endif %}
{%- if messages[0]['role'] == 'system' %}{%- set system = messages[0]['content']|trim %}{%- set messages = messages[1:] %}
{%- else %}{%- set system = "" %}{%- endif %}
{{- "<|start_header_id|>system<|end_header_id|>\n\n" }}
{%- if builtin_tools is defined or tools is not none %}{{- "Environment: ipython\n" }}{%- endif %}
{%- if builtin_tools is defined %}{{- "Tools: " + builtin_tools | reject('equalto', 'code_interpreter') | join(", ") + "\n\n" }}{%- endif %}
{{- "Cutting Knowledge Date: December 2023\n" }}{{- "Today Date: " + date_string + "\n\n" }}
{%- if tools is not none and not tools_in_user_message %}{{- "Call one of:\n\n" }}
    {%- for t in tools %}{{- t | tojson(indent=4) }}{{- "\n\n" }}{%- endfor %}
{%- endif %}
{{- system }}{{- "<|eot_id|>" }}
{%- if tools_in_user_message and not tools is none %}
    {%- if messages | length != 0 %}{%- set first = messages[0]['content']|trim %}{%- set messages = messages[1:] %}
    {%- else %}{{- raise_exception("tools without anybody to tell of them") }}{%- endif %}
    {{- '<|start_header_id|>user<|end_header_id|>\n\n' -}}{{- "Given these, call one:\n\n" }}
    {%- for t in tools %}{{- t | tojson(indent=4) }}{{- "\n\n" }}{%- endfor %}{{- first + "<|eot_id|>" }}
{%- endif %}
{%- for message in messages %}
    {%- if not (message.role == 'ipython' or message.role == 'tool' or 'tool_calls' in message) %}
        {{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n'+ message['content'] | trim + '<|eot_id|>' }}
    {%- elif 'tool_calls' in message %}
        {%- if not message.tool_calls|length == 1 %}{{- raise_exception("one call at a time") }}{%- endif %}
        {%- set call = message.tool_calls[0].function %}
        {{- '<|start_header_id|>assistant<|end_header_id|>\n\n' -}}
        {%- if builtin_tools is defined and call.name in builtin_tools %}
            {{- "<|python_tag|>" + call.name + ".call(" }}
            {%- for name, value in call.arguments | items %}{{- name + '="' ~ value ~ '"' }}{%- if not loop.last %}{{- ", " }}{%- endif %}{%- endfor %}
            {{- ")" }}{{- "<|eom_id|>" }}
        {%- else %}
            {{- '{"name": "' + call.name + '", ' }}{{- '"parameters": ' }}{{- call.arguments | tojson }}{{- "}" }}{{- "<|eot_id|>" }}
        {%- endif %}
    {%- elif message.role == "tool" or message.role == "ipython" %}
        {{- "<|start_header_id|>ipython<|end_header_id|>\n\n" }}
        {%- if message.content is mapping or message.content is iterable %}{{- message.content | tojson }}
        {%- else %}{{- message.content }}{%- endif %}{{- "<|eot_id|>" }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{%- endif %}
""",
    "phi": """{% for message in messages %}{% if message['role'] in ['system', 'user'] %}{{'<|' + message['role'] + '|>\n' + message['content'] + '<|end|>\n'}}
{% elif message['role'] == 'assistant' %}{{'<|assistant|>\n' + (message['content'] | default('', true)) + '<|end|>\n'}}{% endif %}{% endfor %}
{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% else %}{{ eos_token }}{% endif %}""",
    "macros": """{# a comment -#}
{% macro show(value, depth=0) %}{% if value is mapping %}{% for k, v in value|items %}{{ '.' * 0 ~ k }}={{ show(v, depth + 1) }};{% endfor %}
{% elif value is string %}"{{ value }}"@{{ depth }}{% elif value is none %}null{% else %}{{ value|string }}{% endif %}{% endmacro %}
{% for m in messages %}{{ loop.index }}/{{ loop.length }}:{{ show(m) }}{% if loop.index == 3 %}{% break %}{% endif %}
{% else %}nobody{% endfor %}
{%- set text %}[{{ messages|map(attribute='role')|join(', ') }}]{% endset %}{{ text|upper }} {{ [1, 2.5, none, true, 'a\\'b', {'k': 'v'}] }} {{ 7 // 2 }} {{ -7 % 3 }} {{ 7 / 2 }}""",
}
TOOLS = [{"type": "function", "function": {"name": "weather", "description": "It's \"the\" <weather> & more \u00e9", "parameters": {
    "type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}}, "required": []}}},
    {"type": "function", "function": {"name": "time", "parameters": {}, "return": {}}}]


def conversations(generator):
    words = ["Hello", "  spaced  ", "\u00e9\u4e2d\U0001f600", "a\nb\n", "<r>x</r>", "it's \"quoted\"", "<think>\nhm\n</think>\n\nso", "", "{{ no }}"]
    result = []
    for _ in range(14):
        messages = []
        if generator.random() < 0.4:
            messages.append({"role": "system", "content": generator.choice(words)})
        for turn in range(generator.randint(1, 5)):
            role = "assistant" if turn % 2 else "user"
            message = {"role": role, "content": generator.choice(words)}
            if role == "assistant" and generator.random() < 0.3:
                message = {"role": role, "content": None, "tool_calls": [{"type": "function", "function": {
                    "name": "weather", "arguments": {"city": "Z\u00fcrich", "days": 2, "x": 1.5, "y": None, "z": [True]}}}]}
            messages.append(message)
            if "tool_calls" in message:
                messages.append({"role": "tool", "content": generator.choice(words)})
        variables = {}
        if generator.random() < 0.4:
            variables["tools"] = TOOLS
        if generator.random() < 0.3:
            variables["enable_thinking"] = False
        result.append({"messages": messages, "add_generation_prompt": generator.random() < 0.6, "variables": variables})
    return result


def call(name, **arguments):
    return {"role": "assistant", "content": "", "tool_calls": [{"type": "function", "function": {"name": name, "arguments": arguments}}]}


def said(*texts, system=None):
    """A system message, if any, and what user and assistant say in turn."""
    messages = [] if system is None else [{"role": "system", "content": system}]
    return messages + [{"role": ("user", "assistant")[index % 2], "content": text} for index, text in enumerate(texts)]


def chosen():
    """Conversations that the formats of Gemma 3 and Llama 3 treat differently."""
    parts = [{"type": "image"}, {"type": "text", "text": " What is this? "}, {"type": "text", "text": "\u00c9h\n"}]
    tool_answer = {"role": "tool", "content": "21 \u00b0C"}
    asked = said("Weather in Z\u00fcrich?", system="Be \u201cbrief\u201d. ")
    turns = [
        said("Hello"), said("Hello", system="Be brief."), said("Hello", system=""), said("", system="\n two lines \n\n"),
        said("Hello", "Hi there", "And now?"), said("Hello ", "  Hi  ", "\tAnd\u00a0now?\n\n", "Done.", "\u3000ok\u3000", system="  Be brief.  "),
        said("a", ""), said("", "", ""), said("\U0001f469\u200d\U0001f469\u200d\U0001f467 \u65e5\u672c\u8a9e \u05e9\u05dc\u05d5\u05dd e\u0301", "\U0001f98a"),
        said("<end_of_turn>\n<start_of_turn>model\n<|eot_id|>"), said("{{ bos_token }} {% raw %}"), said("line\r\nline\u2028line\x85"),
        said(parts), said(parts, "A bird.", [{"type": "text", "text": "Sure?"}], system=[{"type": "text", "text": "See."}]), said([]),
        [], said(system="Nobody asks."), [{"role": "assistant", "content": "I begin."}],
        said("a") + said("b"), said("a", "b") + [{"role": "assistant", "content": "again"}], said(None), said("a", None, "b"), said(5),
        asked + [call("weather", city="Z\u00fcrich", days=2)],
        asked + [call("weather", city="Z\u00fcrich", days=2), tool_answer], asked + [call("brave_search", query="it's \"so\" & <so>", k=1.5)],
        asked + [call("time"), {"role": "ipython", "content": {"hour": 7, "zone": None, "list": [1, 2.0, True]}}, {"role": "assistant", "content": " It is seven. "}],
        asked + [{"role": "tool", "content": ["a", {"b": "\u00e9"}]}],
        asked + [{**call("time"), "tool_calls": call("time")["tool_calls"] * 2}],
    ]
    some = [{}, {"tools": TOOLS}, {"tools": TOOLS[:1], "tools_in_user_message": False}, {"tools": None, "date_string": "1 Jan 1970"},
            {"custom_tools": TOOLS[1:], "builtin_tools": ["code_interpreter", "brave_search", "wolfram_alpha"]}]
    result = []
    for index, messages in enumerate(turns):
        # Every conversation as it is, with and without the prompt; then with one of the sets of variables, or all for tools.
        variables = some[1:] if "tool" in json.dumps(messages) else [some[1 + index % 4]]
        for number, extra in enumerate([{}, {}, *variables]):
            result.append({"messages": messages, "add_generation_prompt": number % 2 == 1, "variables": extra})
    return result


def generated(generator):
    """A template of random constructs, most of which give text."""
    def value(depth):
        if depth == 0:
            return generator.choice(["'ab c'", "\"it's\"", "3", "2.5", "true", "none", "[1,'x',3]", "{'a': 1, 'b': 'z'}", "messages", "messages[0].content", "missing", "n"])
        inner = lambda: value(depth - 1)
        return generator.choice([
            lambda: f"({inner()} ~ {inner()})", lambda: f"({inner()} == {inner()})", lambda: f"({inner()} and {inner()})",
            lambda: f"({inner()} or {inner()})", lambda: f"(not {inner()})", lambda: f"({inner()} if {inner()} else {inner()})",
            lambda: f"({inner()} is defined)", lambda: f"({inner()} is not string)", lambda: f"({inner()} is mapping)",
            lambda: f"({inner()}|string|upper)", lambda: f"({inner()}|string|trim|length)", lambda: f"({inner()}|default('d'))",
            lambda: f"({inner()}|string)[1:-1]", lambda: f"({inner()}|string)[::-1]", lambda: f"({inner()}|string|replace('a', 'bb'))",
            lambda: f"('a' in ({inner()}|string))", lambda: f"({inner()}|string).split(' ')|join('-')", lambda: f"(({inner()}|string)|list|first)",
            lambda: "(1 + 2 * n - 7 // 2)", lambda: f"({inner()}|string).strip('ab').title()", lambda: "messages|map(attribute='role')|list|last",
        ])()
    def block(depth):
        kind = generator.randint(0, 6)
        space = lambda: generator.choice(["", " ", "\n", "  \n  ", "text ", "\n\n"])
        dash = lambda: generator.choice(["", "-"])
        if kind == 0 or depth == 0:
            return f"{space()}{{{{{dash()} {value(2)} {dash()}}}}}{space()}"
        if kind == 1:
            return f"{{%{dash()} if {value(1)} {dash()}%}}{block(depth - 1)}{{%{dash()} else {dash()}%}}{block(depth - 1)}{{%{dash()} endif {dash()}%}}"
        if kind == 2:
            return f"{{%{dash()} for m in messages {dash()}%}}{space()}{{{{ loop.index }}}}{block(depth - 1)}{{%{dash()} endfor {dash()}%}}"
        if kind == 3:
            return f"{space()}{{%{dash()} set n = {generator.choice(['4', 'n + 1', '9'])} {dash()}%}}{space()}{block(depth - 1)}"
        if kind == 4:
            return f"{space()}{{#{dash()} remark {dash()}#}}{space()}{block(depth - 1)}"
        return block(depth - 1) + space() + block(depth - 1)
    return "{% set n = 1 %}" + block(4)


class Generation(jinja2.ext.Extension):
    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return jinja2.nodes.Scope(body).set_lineno(line) if False else body


def refuse(message):
    raise jinja2.exceptions.TemplateError(message)


environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[Generation, jinja2.ext.loopcontrols])
environment.filters["tojson"] = lambda value, indent=None: json.dumps(value, ensure_ascii=False, indent=indent)
environment.globals["raise_exception"] = refuse
environment.globals["strftime_now"] = lambda form: datetime.datetime.fromtimestamp(NOW, datetime.timezone.utc).strftime(form)


def render(source, item):
    try:
        return environment.from_string(source).render(
            messages=item["messages"], add_generation_prompt=item["add_generation_prompt"], bos_token="<s>", eos_token="</s>", **item["variables"])
    except Exception:
        return None


generator = random.Random(7)
items = conversations(generator)
drawn = items[:2]
items += chosen()
cases = [{"template": source, "name": name, "results": [render(source, item) for item in items]} for name, source in FAMILIES.items()]
for index in range(150):
    source = generated(generator)
    cases.append({"template": source, "name": f"generated {index}", "results": [render(source, item) for item in drawn]})
TARGET.mkdir(exist_ok=True)
(TARGET / "vectors.json").write_text(json.dumps({"now": NOW, "conversations": items, "cases": cases}, indent=0, separators=(",", ":")) + "\n")
print({case["name"]: sum(result is not None for result in case["results"]) for case in cases[:8]})
