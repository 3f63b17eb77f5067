import Testing
import Vocabulary

@Suite("errors of calls")
struct ServingErrorTests {
    @Test("the seventeen codes have the numbers and names of gRPC")
    func codes() {
        #expect(StatusCode.allCases.map(\.rawValue) == Array(0...16))
        #expect(StatusCode(rawValue: 4)?.name == "DEADLINE_EXCEEDED")
        #expect(StatusCode(rawValue: 16)?.name == "UNAUTHENTICATED")
        #expect(Set(StatusCode.allCases.map(\.name)).count == 17)
    }

    @Test("an error says its code and message, and has a label even when none was given")
    func description() {
        let plain = ServingError(.notFound, "no model named 'x'")
        #expect(plain.description == "NOT_FOUND: no model named 'x'")
        #expect(plain.label == "not_found")
        #expect(ServingError(.resourceExhausted, "full", label: "queue_full").label == "queue_full")
    }

    @Test("an error that is none is our bug")
    func ok() async {
        await #expect(processExitsWith: .failure) { _ = ServingError(.ok, "fine") }
    }
}
