import HTTP2
package import RPC
import Routing
import Spans
package import Telemetry
import Tenancy
import Vocabulary

extension AccessLogEntry {
    /// What is to be written about a call that has ended: what was measured of it, and what the gate has learnt.
    package init(_ record: CallRecord) {
        self.init(
            requestID: record.requestID, method: record.method, status: record.status,
            durationNanoseconds: record.durationNanoseconds, requestByteCount: record.requestByteCount,
            responseByteCount: record.responseByteCount, requestMessageCount: record.requestMessageCount,
            responseMessageCount: record.responseMessageCount)
        if record.status != .ok { reason = record.label }
        trace =
            record.headers?.firstValue(of: "traceparent")
            .flatMap { $0.withUnsafeBytes { TraceContext(traceparent: $0) } }?.trace
        // A call that was refused at the gate is its certificate's all the same.
        if case .tenant(let name)? = record.peer?.principal { tenant = name }
        guard let keeper = record.note as? GateKeeper else { return }
        if let traced = keeper.traced { trace = traced.origin.trace }
        tenant = keeper.tenant ?? tenant
        model = keeper.model.map { $0.shown(byteCountMax: 255) }
        modelVersion = keeper.modelVersion?.description
        shard = keeper.shard?.address
        guard let used = keeper.used else { return }
        queueNanoseconds = used.queueMicroseconds &* 1000
        computeNanoseconds = used.computeMicroseconds &* 1000
        amounts = used.counts.map { Amount(name: $0.name, count: $0.count) }
    }
}
