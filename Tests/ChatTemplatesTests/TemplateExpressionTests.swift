import ChatTemplates
import Foundation
import ModelFiles
import Testing
import Vocabulary

@Suite("expressions and white space of chat templates")
struct TemplateExpressionTests {
    @Test("each small template gives the text of Jinja, or fails where Jinja fails")
    func expressions() throws {
        let path = URL(filePath: #filePath).appending(path: "../../Fixtures/chat/expressions.json")
        let vectors = try JSONValue(
            parsing: Bytes(Data(contentsOf: path.standardizedFileURL)), file: "expressions.json")
        let cases = try #require(vectors["cases"]?.array)
        #expect(cases.count > 250)
        var variables: [String: TemplateValue] = [:]
        for member in try #require(vectors["variables"]?.members) {
            variables[member.key] = TemplateValue(member.value)
        }
        for item in cases {
            let source = try #require(item["template"]?.string)
            let text = Result {
                try ChatTemplate(source).render(
                    messages: [], variables: variables, secondsSince1970: vectors["now"]?.int ?? 0)
            }
            #expect((try? text.get()) == item["text"]?.string, "\(source): \(text)")
        }
    }

    @Test("keys and texts that differ in code points stay apart, a key given twice has its last value")
    func codePoints() throws {
        let json = #"{"m":{"\u00e9":1,"e\u0301":2,"k":1,"k":3}}"#
        let value = try JSONValue(parsing: Bytes(Array(json.utf8)), file: "test")
        let template = try ChatTemplate(#"{{ m["\u00e9"] }}{{ m["e\u0301"] }}{{ m.k }}{{ "\u00e9" == "e\u0301" }}"#)
        let variables = ["m": TemplateValue(try #require(value["m"]))]
        #expect(try template.render(messages: [], variables: variables, secondsSince1970: 0) == "123False")
    }
}
