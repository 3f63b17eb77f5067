import Glibc

/// The interoperability tests of gRPC, both sides, over the RPC layer of Apus.
///
/// ```
/// apus-interop server --port=10000 --use_tls=true
/// apus-interop client --server_host=127.0.0.1 --server_port=10000 --use_tls=true --use_test_ca=true \
///     --server_host_override=foo.test.google.fr --test_case=large_unary
/// ```
/// The flags are those of the official programs, so that either side can be pointed at one of theirs.
///
/// - Source: grpc/grpc `doc/interop-test-descriptions.md`.
@main
enum Interop {
    static func main() async {
        let arguments = CommandLine.arguments.dropFirst()
        do {
            switch arguments.first {
            case "server": try await InteropServer.run(Flags(arguments.dropFirst(), known: InteropServer.flags))
            case "client": try await InteropClient.run(Flags(arguments.dropFirst(), known: InteropClient.flags))
            case "load": try await StreamLoad.run(Flags(arguments.dropFirst(), known: StreamLoad.flags))
            default: throw Flags.Failure(description: "expected: apus-interop server|client|load --FLAG=VALUE …")
            }
        } catch {
            fputs("apus-interop: \(error)\n", stderrStream())
            exit(1)
        }
    }

    /// `stderr` is a variable of C, which Swift refuses to share; a stream over the same descriptor does the same.
    private static func stderrStream() -> UnsafeMutablePointer<FILE> { fdopen(2, "w") }
}
