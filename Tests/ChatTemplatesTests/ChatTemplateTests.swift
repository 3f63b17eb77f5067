import Foundation
import ModelFiles
import Testing
import Vocabulary

@testable import ChatTemplates

@Suite("ChatTemplate")
struct ChatTemplateTests {
    private static let vectors = Result {
        let file = URL(filePath: #filePath).appending(path: "../../Fixtures/chat/vectors.json").standardizedFileURL
        return try JSONValue(parsing: Bytes(Data(contentsOf: file)), file: "vectors.json")
    }

    @Test("every template and conversation gives the text of Jinja, or is refused where Jinja refuses")
    func vectors() throws {
        let vectors = try Self.vectors.get()
        let conversations = try #require(vectors["conversations"]?.array)
        let cases = try #require(vectors["cases"]?.array)
        #expect(cases.count > 100)
        var textCount = 0
        for item in cases {
            let name = item["name"]?.string ?? ""
            let template = try ChatTemplate(
                #require(item["template"]?.string), beginToken: "<s>", endToken: "</s>")
            for (conversation, expected) in zip(conversations, item["results"]?.array ?? []) {
                let messages = (conversation["messages"]?.array ?? []).map(TemplateValue.init)
                var variables: [String: TemplateValue] = [:]
                for member in conversation["variables"]?.members ?? [] {
                    variables[member.key] = TemplateValue(member.value)
                }
                let result = Result { () throws in
                    try template.render(
                        messages: messages, addsGenerationPrompt: conversation["add_generation_prompt"]?.bool ?? false,
                        variables: variables, secondsSince1970: vectors["now"]?.int ?? 0)
                }
                let text = try? result.get()
                #expect(text == expected.string, "\(name): \(item["template"]?.string ?? "") \(result)")
                if text != nil { textCount += 1 }
            }
        }
        #expect(textCount > 900)
    }

    @Test(
        "what is not supported is named when the template is loaded",
        arguments: [
            ("{% include 'x' %}", "include"), ("{{ x|wordcount }}", "wordcount"), ("{{ f(1) }}", "\"f\""),
            ("{{ x is filter }}", "filter"), ("{{ x.encode() }}", "encode"), ("{{ 2 ** 3 }}", "**"),
            ("{% for x in y recursive %}{% endfor %}", "recursive"), ("\n\n{% extends 'a' %}", "line 3"),
        ])
    func unsupported(source: String, name: String) {
        let error = #expect(throws: TemplateError.self) { try ChatTemplate(source) }
        #expect(error?.description.contains(name) == true)
        guard case .unsupported = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test(
        "what is no template is refused",
        arguments: [
            "{{", "{% if %}", "{% if a %}", "{% endif %}", "{{ 'a }}", "{{ (1 }}", "{% for in x %}{% endfor %}",
            "{{ 1 2 }}", "{# x", String(repeating: "{% if a %}", count: 100), String(repeating: "{{ (", count: 1),
            "{{ " + String(repeating: "(", count: 500) + " }}", "{{ " + String(repeating: "not ", count: 500) + " }}",
        ])
    func malformed(source: String) {
        #expect(throws: TemplateError.self) { try ChatTemplate(source) }
    }

    @Test("a template cut at any place is refused or written, never worse")
    func truncation() throws {
        for item in try Self.vectors.get()["cases"]?.array?.prefix(9) ?? [] {
            let source = Array((item["template"]?.string ?? "").unicodeScalars)
            // Long ones at some hundreds of places, as each cut is read from its beginning.
            for count in stride(from: 0, to: source.count, by: source.count / 500 + 1) {
                let template = try? ChatTemplate(String(String.UnicodeScalarView(source[..<count])))
                _ = try? template?.render(messages: [], secondsSince1970: 0)
            }
        }
    }

    @Test(
        "a template that would not end, or fill the memory, is stopped",
        arguments: [
            "{% for a in range(10000000000) %}{% endfor %}",
            "{% for a in range(3000) %}{% for b in range(3000) %}x{% endfor %}{% endfor %}",
            "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
            "{% set ns = namespace(t='xxxxxxxx') %}{% for a in range(99) %}{% set ns.t = ns.t ~ ns.t %}{% endfor %}",
            "{% set ns = namespace(t=[1]) %}{% for a in range(99) %}{% set ns.t = ns.t + ns.t %}{% endfor %}",
        ])
    func limits(source: String) throws {
        let template = try ChatTemplate(source)
        let error = #expect(throws: TemplateError.self) { try template.render(messages: [], secondsSince1970: 0) }
        guard case .limit = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test("a folder's template comes from its files, with the begin and end tokens")
    func loading() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "chat-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        #expect(try ChatTemplate.load(folder: folder.path).map { _ in true } == nil)
        let settings =
            #"{"chat_template":[{"name":"default","template":"{{ bos_token }}A"}],"bos_token":{"content":"<s>"}}"#
        try Data(settings.utf8).write(to: folder.appending(path: "tokenizer_config.json"))
        let first = try #require(try ChatTemplate.load(folder: folder.path))
        #expect(try first.render(messages: [], secondsSince1970: 0) == "<s>A")
        try Data("{{ bos_token }}B\n".utf8).write(to: folder.appending(path: "chat_template.jinja"))
        let second = try #require(try ChatTemplate.load(folder: folder.path))
        #expect(try second.render(messages: [], secondsSince1970: 0) == "<s>B")
    }
}
