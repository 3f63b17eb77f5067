import Testing
import Vocabulary

@testable import InferenceService

@Suite("The priority of a call")
struct CallPriorityTests {
    @Test(
        "is what the caller says, within the range and no more than its tenant may have",
        arguments: [
            (nil, 1, 5), (0, 1, 5), (1, 1, 1), (1, 3, 3), (4, 3, 4), (9, 1, 9), (10, 1, 9), (UInt64.max, 1, 9),
            (nil, 7, 7), (0, 9, 9),
        ] as [(UInt64?, Int, Int)])
    func level(wanted: UInt64?, ceiling: Int, level: Int) {
        #expect(CallPriority(wanted, ceiling: ceiling).level == level)
    }

    @Test("a request says it anew, below the same ceiling")
    func request() {
        let call = CallPriority(8, ceiling: 4)
        #expect(call.saying(1).level == 4 && call.saying(nil).level == 8)
    }
}
