import Routing
import Testing

@testable import ApusServer

private typealias Address = ServerConfiguration.ListenAddress

@Suite("The addresses of shards")
struct AddressBookTests {
    private let number = Address(host: "10.0.0.1", port: 1)
    private let name = Address(host: "shards.internal", port: 2)

    @Test("numbers are there at once, names when somebody knows what they stand for")
    func lookUp() {
        var book = AddressBook(configured: [number, name])
        #expect(Array(book.places.keys) == [ReplicaID("10.0.0.1:1")] && book.names == ["shards.internal"])
        #expect(book.lacks("shards.internal"))
        book.note("shards.internal", standsFor: ["10.0.0.2", "::1"])
        #expect(!book.lacks("shards.internal"))
        #expect(
            book.places == [
                ReplicaID("10.0.0.1:1"): number, ReplicaID("10.0.0.2:2"): name, ReplicaID("[::1]:2"): name,
            ])
        book.note("shards.internal", standsFor: ["10.0.0.3"])
        #expect(Set(book.places.keys) == [ReplicaID("10.0.0.1:1"), ReplicaID("10.0.0.3:2")])
        book.note("nobody.internal", standsFor: ["10.0.0.9"])
        #expect(book.places.count == 2)
    }

    @Test("whom others have told of is gone as soon as they say so, and what is configured stays")
    func told() {
        var book = AddressBook(configured: [number])
        book.set(told: [name, number, Address(host: "10.0.0.4", port: 4)])
        book.note("shards.internal", standsFor: ["10.0.0.2"])
        #expect(book.places.count == 3)
        book.set(told: [])
        #expect(book.places == [ReplicaID("10.0.0.1:1"): number])
        // One that comes again is looked up anew.
        book.set(told: [name])
        #expect(book.lacks("shards.internal") && book.places.count == 1)
    }

    @Test("a shard that is configured and told of is the configuration's")
    func origin() {
        var book = AddressBook(configured: [name])
        book.set(told: [Address(host: "10.0.0.2", port: 2)])
        book.note("shards.internal", standsFor: ["10.0.0.2"])
        #expect(book.places == [ReplicaID("10.0.0.2:2"): name])
    }

    @Test(
        "only numbers of this machine and localhost are loopback",
        arguments: [
            ("localhost", true), ("127.0.0.1", true), ("127.255.0.3", true), ("::1", true), ("::ffff:127.0.0.1", true),
            ("127.example.com", false), ("127.0.0.1.example.com", false), ("::ffff:10.0.0.1", false), ("::", false),
            ("0.0.0.0", false), ("10.0.0.1", false), ("::2", false), ("1::1", false), ("", false),
        ])
    func loopback(host: String, isLoopback: Bool) {
        #expect(Address(host: host, port: 1).isLoopback == isLoopback)
    }
}
