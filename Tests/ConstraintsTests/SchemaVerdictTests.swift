import Foundation
import TestSupport
import Testing

@testable import Constraints

/// Against what Tests/Fixtures/make_schema_verdicts.py got from Python's jsonschema.
@Suite struct SchemaVerdictTests {
    struct Document: Decodable, Sendable, CustomTestStringConvertible {
        let schema: String
        let valid: [String]
        let invalid: [String]

        var testDescription: String { String(schema.prefix(120)) }
    }

    private static func documents() throws -> [Document] {
        let file = URL(filePath: #filePath).appending(path: "../../Fixtures/schemas/verdicts.json").standardizedFileURL
        return try JSONDecoder().decode([Document].self, from: Data(contentsOf: file))
    }

    @Test("exactly the valid texts are taken", arguments: try documents())
    func verdicts(_ document: Document) throws {
        let machine = Machine(try ConstraintSpecification.jsonSchema(document.schema).grammar())
        for text in document.valid { #expect(machine.accepts(text), "\(text)") }
        for text in document.invalid { #expect(!machine.accepts(text), "\(text)") }
    }

    @Test("a value is judged as jsonschema judges it, or not at all", arguments: try documents())
    func judgements(_ document: Document) throws {
        let schema = try JSONText(parsing: document.schema)
        let exclusion = SchemaExclusion(JSONSchema(root: schema))
        var knownCount = 0
        for (texts, verdict) in [(document.valid, true), (document.invalid, false)] {
            for text in texts {
                guard let isValid = exclusion.isValid(try JSONText(parsing: text), schema) else { continue }
                #expect(isValid == verdict, "\(text)")
                knownCount += 1
            }
        }
        #expect(knownCount > 0)
    }

    @Test("what is written is no value that is judged invalid", arguments: try documents())
    func randomTexts(_ document: Document) throws {
        let schema = try JSONText(parsing: document.schema)
        let exclusion = SchemaExclusion(JSONSchema(root: schema))
        var random = SeededGenerator(seed: 1)
        var writer = try RandomWriter(.jsonSchema(document.schema))
        for _ in 0..<10 {
            let text = String(decoding: try writer.text(&random), as: UTF8.self)
            // A key may come twice, which only we refuse.
            guard let value = try? JSONText(parsing: text) else { continue }
            #expect(exclusion.isValid(value, schema) != false, "\(text)")
        }
    }

    @Test(
        "a number is divided as decimals are",
        arguments: [
            ("0.01", "0.07", true), ("0.01", "0.071", false), ("0.25", "1e2", true), ("100", "1e2", true),
            ("100", "50", false), ("100", "0", true), ("100", "100.5", false), ("1.5e1", "-45", true),
            ("86400", "864000", true), ("86400", "86410", false),
        ])
    func division(multiple: String, value: String, isMultiple: Bool) throws {
        let (divisor, number) = (try #require(Decimal(multiple)), try #require(Decimal(value)))
        #expect(try #require(DecimalMultiple(divisor)).divides(number) == isMultiple)
    }
}
