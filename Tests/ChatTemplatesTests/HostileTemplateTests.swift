import Foundation
import Synchronization
import Testing

@testable import ChatTemplates

/// Templates made to hurt: they come with a model's folder, so each must end in an error, and soon.
///
/// They run on a thread with half of the usual stack. The deepest takes under 256 KiB of it in a release build and
/// under 2 MiB in a debug build.
@Suite("hostile chat templates")
struct HostileTemplateTests {
    /// Shown by its beginning only.
    struct Source: CustomTestStringConvertible {
        let text: String
        var testDescription: String { String(text.prefix(80)) }
    }

    private static let list = "{% set ns = namespace(x=[1], y=[1]) %}{% for i in range(60) %}"

    @Test(
        "more steps, bytes or depth than allowed are an error that says so",
        arguments: [
            // Values inside each other: printing, comparing or freeing them would use up the stack.
            "{% set ns = namespace(x=[]) %}{% for i in range(99999) %}{% set ns.x = [ns.x] %}{% endfor %}",
            "{% set ns = namespace(x={}) %}{% for i in range(99999) %}{% set ns.x = {'a': ns.x} %}{% endfor %}",
            // Shared values: small in memory, endless as text.
            list + "{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x }}",
            list + "{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x|tojson }}",
            list + "{% set ns.x = [ns.x, ns.x] %}{% set ns.y = [ns.y, ns.y] %}{% endfor %}{{ ns.x == ns.y }}",
            list + "{% set ns.x = [ns.x, ns.x] %}{% set ns.y = [ns.y, ns.y] %}{% endfor %}{{ ns.x < ns.y }}",
            list + "{% set ns.x = [ns.x|string, ns.x|string] %}{% endfor %}",
            // Long texts, joined, repeated, replaced or searched.
            "{% set s = 'x' * 8000000 %}{{ [s, s]|join }}",
            "{% for i in range(99999) %}{% set s = 'x' * 9999 %}{% endfor %}",
            "{{ ('x' * 99999)|replace('x', 'y' * 99999) }}", "{{ 'x' * 9223372036854775807 }}",
            "{{ ('x' * 99999)|replace('', 'y' * 99999) }}",
            "{{ ('y' * 99999).join(range(9)|map('string')) }}" + String(repeating: "{{ 'x' * 8000000 }}", count: 2),
            "{% set s = 'é ' * 99999 %}{% for i in range(9999) %}{% set t = s|title %}{% endfor %}",
            "{% set s = 'ab' * 99999 %}{% for i in range(9999) %}{% set t = s[::-1] %}{% endfor %}",
            "{% set s = 'ab' * 99999 %}{% for i in range(9999) %}{% set t = s.strip('ab') %}{% endfor %}",
            "{% set s = 'a' * 999999 %}{% for i in range(999) %}{% if 'a' * 99999 ~ 'b' in s %}{% endif %}{% endfor %}",
            "{{ [1] * 9223372036854775807 }}", "{{ range(0, 100000)|list * 100 }}",
            "{% for i in range(999) %}{% set u = range(9999)|unique %}{% endfor %}",
            // Deep trees and recursion.
            "{{ a" + String(repeating: " ~ a", count: 200_000) + " }}",
            "{{ a" + String(repeating: "|trim", count: 99_999) + " }}",
            "{{ a" + String(repeating: ".a", count: 99_999) + " }}",
            "{{ " + String(repeating: "not ", count: 99_999) + "a }}",
            "{{ " + String(repeating: "-", count: 99_999) + "1 }}",
            "{{ " + String(repeating: "[", count: 999) + "1" + String(repeating: "]", count: 999) + " }}",
            String(repeating: "{% if a %}", count: 99_999), "{{ " + String(repeating: "1 if ", count: 99_999) + "1 }}",
            "{{ 1 " + String(repeating: " if 1 else 1", count: 99_999) + " }}",
            "{% macro f(n) %}{% if n %}{{ f([f(n)]) }}{% endif %}{% endmacro %}{{ f(1) }}",
            "{% macro f(n=g()) %}{% endmacro %}{% macro g() %}{{ f() }}{% endmacro %}{{ f() }}",
            "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
            "{% for a in range(9223372036854775807) %}{% endfor %}", String(repeating: "x", count: 1 << 21),
        ].map(Source.init))
    func limits(source: Source) throws {
        let error = #expect(throws: TemplateError.self) { try Self.render(source.text) }
        guard case .limit = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test(
        "numbers at the edge of 64 bits are an error or a value, never a trap",
        arguments: [
            ("9223372036854775807 + 1", nil), ("-9223372036854775807 - 2", nil), ("9223372036854775807 * 2", nil),
            ("'-9223372036854775808'|int // -1", nil), ("'-9223372036854775808'|int % -1", "0"),
            ("'-9223372036854775808'|int|abs", nil), ("-('-9223372036854775808'|int)", nil), ("1 // 0", nil),
            ("1 % 0", nil), ("'' * 9223372036854775807", ""), ("1.5 // 0", nil), ("1e999", nil), ("1e300|int(5)", "5"),
            ("99999999999999999999", nil),
            ("range(9223372036854775805, 9223372036854775807, 5)|list", "[9223372036854775805]"),
            ("range('-9223372036854775808'|int, 0, 9223372036854775807)|list|length", "2"),
            ("'abc'['-9223372036854775808'|int:9223372036854775807:'-9223372036854775808'|int]", ""),
            ("'abc'['-9223372036854775808'|int]", ""), ("'abc'[9223372036854775807]", ""),
            ("'a b'.split(' ', 9223372036854775807)", "['a', 'b']"),
            ("'aa'|replace('a', 'b', -9223372036854775807)", "bb"),
        ] as [(String, String?)])
    func numbers(expression: String, text: String?) {
        let result = Result { try Self.render("{{ \(expression) }}") }
        #expect((try? result.get()) == text, "\(result)")
        if text == nil { #expect(throws: TemplateError.self) { try result.get() } }
    }

    @Test("a namespace, a loop or a macro stands in no other value, so that nothing holds itself")
    func cycles() {
        for value in ["ns", "[ns]", "{'a': ns}", "loop", "[f]"] {
            let source =
                "{% macro f() %}{% endmacro %}{% set ns = namespace() %}"
                + "{% for i in [1] %}{% set ns.a = \(value) %}{% endfor %}"
            #expect(throws: TemplateError.self) { try Self.render(source) }
        }
    }

    @Test("what is refused is named with its line")
    func lines() {
        let constructs = [
            "{% include 'x' %}", "{% import 'x' as y %}", "{% extends 'x' %}", "{% block x %}{% endblock %}",
            "{% call f() %}{% endcall %}", "{% filter upper %}{% endfilter %}", "{% raw %}{% endraw %}",
            "{% with %}{% endwith %}", "{% do x %}", "{% autoescape true %}", "{% set a, b = x %}",
            "{% set a | upper %}{% endset %}", "{% for a, b, c in x %}{% endfor %}",
            "{% for a in x recursive %}{% endfor %}", "{{ x|batch(2) }}", "{{ x is sameas y }}", "{{ x.format(1) }}",
            "{{ x.append(1) }}", "{{ cycler(1) }}", "{{ f(1) }}", "{{ x[0](1) }}", "{{ 2 ** 3 }}", "{{ {1: 2} }}",
            "{{ x[1, 2] }}", "{{ dict(*x) }}", "{{ caller }}", "{{ '\\N{DASH}' }}",
        ]
        for construct in constructs {
            let error = #expect(throws: TemplateError.self) { try ChatTemplate("a\n{{ 1 }}\n" + construct) }
            guard case .unsupported(let name, let line) = error else {
                Issue.record("\(construct): \(String(describing: error))")
                continue
            }
            #expect(line == 3 && !name.isEmpty, "\(construct): \(name)")
        }
    }

    private static func render(_ source: String) throws -> String {
        let result = Mutex<Result<String, any Error>?>(nil)
        let hasEnded = DispatchSemaphore(value: 0)
        let thread = Thread {
            let rendered = Result<String, any Error> {
                try ChatTemplate(source).render(messages: [], secondsSince1970: 0)
            }
            result.withLock { $0 = rendered }
            hasEnded.signal()
        }
        thread.stackSize = 4 << 20
        thread.start()
        hasEnded.wait()
        return try #require(result.withLock { $0 }).get()
    }
}
