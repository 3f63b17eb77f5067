// The lightest load of streams there can be: frames that were made beforehand, and answers that are counted.
//
//     stream_load PORT PATH STREAMS AHEAD MESSAGE_BYTES SECONDS
//
// Opens one connection in the clear to 127.0.0.1 and STREAMS gRPC streams on it. Every stream keeps up to AHEAD
// messages on their way that have not come back, like the C++ client, and keeps both flow control windows. The first
// message of each stream is compared byte by byte with what was sent; of the others the lengths of frames are counted.
// Prints what it saw as JSON; ends with an error on anything unexpected.
//
// Why: a load that does what a gRPC client must is at the end of its core before a fast server is, and then the bytes a
// second are its own.

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum { DATA = 0, HEADERS = 1, RST_STREAM = 3, SETTINGS = 4, PING = 6, GOAWAY = 7, WINDOW_UPDATE = 8 };
enum { ACK = 1, END_STREAM = 1, END_HEADERS = 4 };
enum { INITIAL_WINDOW_SIZE = 4 };
// RFC 9113 4.1, 6.5.2, 6.9.1, and the prefix of a gRPC message.
enum { FRAME_HEADER = 9, FRAME_PAYLOAD = 16384, WINDOW_DEFAULT = 65535, WINDOW_MAX = 0x7fffffff, PREFIX = 5 };
enum { STREAMS_MAX = 64, READ_BYTES = 256 << 10 };

struct stream {
    uint8_t *frames;     // One message as frames, one behind the other.
    size_t position;     // Bytes of them that the wire has taken.
    int64_t window;      // What the peer may still be sent on the stream.
    uint64_t messages_sent, bytes_received, bytes_acknowledged;
};

static int connection;
static size_t stream_count, ahead, message_bytes, frames_bytes;
static struct stream streams[STREAMS_MAX];
static int64_t connection_window = WINDOW_DEFAULT, initial_window = WINDOW_DEFAULT;
static uint64_t bytes_unacknowledged;
static uint8_t *message;             // With its prefix.
static uint8_t control[64 << 10];    // Frames other than DATA that wait for the wire.
static size_t control_bytes;
static struct stream *turn = streams;  // Sends next, or is in the middle of a frame.
static int is_over;

static void fail(const char *what) {
    fprintf(stderr, "stream_load: %s%s%s\n", what, errno ? ": " : "", errno ? strerror(errno) : "");
    exit(1);
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static uint32_t read32(const uint8_t *bytes) {
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static void write32(uint8_t *bytes, uint32_t value) {
    for (int index = 0; index < 4; index++) bytes[index] = (uint8_t)(value >> (24 - 8 * index));
}

static void write_frame_header(uint8_t *at, size_t length, int type, int flags, uint32_t stream_id) {
    write32(at, (uint32_t)length << 8 | (uint32_t)type);
    at[4] = (uint8_t)flags;
    write32(at + 5, stream_id);
}

static uint32_t stream_id(const struct stream *stream) { return (uint32_t)(2 * (stream - streams) + 1); }

// Queues a frame that is not DATA.
static void queue(size_t length, int type, int flags, uint32_t id, const void *payload) {
    if (control_bytes + FRAME_HEADER + length > sizeof control) fail("too many frames wait");
    write_frame_header(control + control_bytes, length, type, flags, id);
    if (length) memcpy(control + control_bytes + FRAME_HEADER, payload, length);
    control_bytes += FRAME_HEADER + length;
}

static void queue_window_update(uint32_t id, uint32_t increment) {
    uint8_t payload[4];
    write32(payload, increment);
    queue(sizeof payload, WINDOW_UPDATE, 0, id, payload);
}

// Appends a string without Huffman coding (RFC 7541 5.2).
static uint8_t *put_string(uint8_t *at, const char *string) {
    size_t length = strlen(string);
    if (length > 126) fail("a header longer than 126 bytes");
    *at = (uint8_t)length;
    memcpy(at + 1, string, length);
    return at + 1 + length;
}

static void queue_headers(uint32_t id, const char *path) {
    uint8_t block[512], *at = block;
    // Indexed fields of the static table, and literals that are not indexed (RFC 7541 6.1, 6.2.2).
    *at++ = 0x83;  // :method POST
    *at++ = 0x86;  // :scheme http
    *at++ = 4;     // :path
    at = put_string(at, path);
    *at++ = 1;  // :authority
    at = put_string(at, "localhost");
    *at++ = 15;  // content-type, 31 in two bytes
    *at++ = 31 - 15;
    at = put_string(at, "application/grpc");
    *at++ = 0;
    at = put_string(put_string(at, "te"), "trailers");
    queue((size_t)(at - block), HEADERS, END_HEADERS, id, block);
}

static void make_frames(struct stream *stream) {
    size_t bytes = PREFIX + message_bytes;
    stream->frames = malloc(bytes + (bytes / FRAME_PAYLOAD + 1) * FRAME_HEADER);
    uint8_t *at = stream->frames;
    for (size_t done = 0; done < bytes; done += FRAME_PAYLOAD) {
        size_t length = bytes - done < FRAME_PAYLOAD ? bytes - done : FRAME_PAYLOAD;
        write_frame_header(at, length, DATA, 0, stream_id(stream));
        memcpy(at + FRAME_HEADER, message + done, length);
        at += FRAME_HEADER + length;
    }
    frames_bytes = (size_t)(at - stream->frames);
}

static void begin(int port, const char *path) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
    connection = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(connection, (struct sockaddr *)&address, sizeof address) < 0) fail("connect");
    int one = 1;
    setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    // Nothing is lost on the loopback, and a congestion control that paces, as BBR does, would rest in between.
    setsockopt(connection, IPPROTO_TCP, TCP_CONGESTION, "reno", 4);
    fcntl(connection, F_SETFL, O_NONBLOCK);
    static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    control_bytes = sizeof preface - 1;
    memcpy(control, preface, control_bytes);
    uint8_t settings[6] = {0, INITIAL_WINDOW_SIZE};
    write32(settings + 2, WINDOW_MAX);
    queue(sizeof settings, SETTINGS, 0, 0, settings);
    queue_window_update(0, WINDOW_MAX - WINDOW_DEFAULT);
    for (struct stream *stream = streams; stream < streams + stream_count; stream++) {
        make_frames(stream);
        stream->window = WINDOW_DEFAULT;
        queue_headers(stream_id(stream), path);
    }
}

// Out

// The end of the frame that begins at `position`.
static size_t frame_end(size_t position) {
    size_t end = position + FRAME_HEADER + FRAME_PAYLOAD;
    return end < frames_bytes ? end : frames_bytes;
}

static size_t bytes_inside_frame(const struct stream *stream) {
    return stream->position % (FRAME_HEADER + FRAME_PAYLOAD);
}

// Where the next frame begins: at the position, or behind the frame that is under way.
static size_t next_frame(const struct stream *stream) {
    size_t inside = bytes_inside_frame(stream);
    return inside ? frame_end(stream->position - inside) : stream->position;
}

static uint64_t messages_received(const struct stream *stream) {
    return stream->bytes_received / (PREFIX + message_bytes);
}

// Takes whole frames from the windows, from the next one on; where they end. What is under way has been paid for.
static size_t pay_for_frames(struct stream *stream) {
    size_t position = next_frame(stream);
    while (position < frames_bytes) {
        int64_t payload = (int64_t)(frame_end(position) - position - FRAME_HEADER);
        if (payload > stream->window || payload > connection_window) break;
        stream->window -= payload;
        connection_window -= payload;
        position = frame_end(position);
    }
    return position;
}

// Gives back what was paid for frames that have not begun.
static void return_frames(struct stream *stream, size_t end) {
    for (size_t position = next_frame(stream); position < end; position = frame_end(position)) {
        int64_t payload = (int64_t)(frame_end(position) - position - FRAME_HEADER);
        stream->window += payload;
        connection_window += payload;
    }
}

// Sends what the windows allow of one stream; whether the wire took it.
static int send_messages(struct stream *stream) {
    for (;;) {
        int may_begin = !is_over && stream->messages_sent < messages_received(stream) + ahead;
        if (stream->position == 0 && !may_begin) return 1;
        size_t end = pay_for_frames(stream), offered = end - stream->position;
        if (offered == 0) return 1;
        ssize_t sent = send(connection, stream->frames + stream->position, offered, MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN) fail("send");
        stream->position += sent > 0 ? (size_t)sent : 0;
        return_frames(stream, end);
        if (stream->position == frames_bytes) {
            stream->position = 0;
            stream->messages_sent++;
        }
        if (sent < (ssize_t)offered) return 0;
    }
}

static int send_control(void) {
    while (control_bytes) {
        ssize_t sent = send(connection, control, control_bytes, MSG_NOSIGNAL);
        if (sent < 0 && errno == EAGAIN) return 0;
        if (sent < 0) fail("send");
        control_bytes -= (size_t)sent;
        memmove(control, control + sent, control_bytes);
    }
    return 1;
}

// Whether the wire took all that may be sent.
static int send_all(void) {
    if (bytes_inside_frame(turn) && !send_messages(turn)) return 0;
    if (!send_control()) return 0;
    for (size_t index = 0; index < stream_count; index++) {
        if (!send_messages(turn)) return 0;
        turn = turn + 1 == streams + stream_count ? streams : turn + 1;
    }
    return 1;
}

// In

static void take_settings(const uint8_t *payload, size_t length) {
    for (size_t at = 0; at + 6 <= length; at += 6) {
        if ((payload[at] << 8 | payload[at + 1]) != INITIAL_WINDOW_SIZE) continue;
        int64_t value = read32(payload + at + 2);
        for (size_t index = 0; index < stream_count; index++) streams[index].window += value - initial_window;
        initial_window = value;
    }
    queue(0, SETTINGS, ACK, 0, NULL);
}

static void take_control(int type, int flags, uint32_t id, const uint8_t *payload, size_t length) {
    int is_end = type == RST_STREAM || type == GOAWAY || (type == HEADERS && flags & END_STREAM);
    if (is_end) fail("the server has ended it");
    if (type == SETTINGS && !(flags & ACK)) take_settings(payload, length);
    if (type == PING && !(flags & ACK)) queue(8, PING, ACK, 0, payload);
    if (type == WINDOW_UPDATE) {
        if (id == 0) connection_window += read32(payload);
        else if (id / 2 < stream_count) streams[id / 2].window += read32(payload);
    }
}

static void take_data(uint32_t id, const uint8_t *payload, size_t length) {
    if (id / 2 >= stream_count) fail("data of an unknown stream");
    struct stream *stream = &streams[id / 2];
    if (stream->bytes_received < PREFIX + message_bytes) {
        size_t left = PREFIX + message_bytes - stream->bytes_received;
        if (memcmp(payload, message + stream->bytes_received, length < left ? length : left)) fail("a wrong echo");
    }
    stream->bytes_received += length;
    bytes_unacknowledged += length;
    if (bytes_unacknowledged < WINDOW_MAX / 4) return;
    // The windows are as large as there are, so they are renewed rarely.
    queue_window_update(0, (uint32_t)bytes_unacknowledged);
    bytes_unacknowledged = 0;
    for (stream = streams; stream < streams + stream_count; stream++) {
        uint64_t bytes = stream->bytes_received - stream->bytes_acknowledged;
        if (bytes) queue_window_update(stream_id(stream), (uint32_t)bytes);
        stream->bytes_acknowledged = stream->bytes_received;
    }
}

// Reads once and takes the frames that are complete; whether anything had come.
static int receive(void) {
    static uint8_t buffer[READ_BYTES];
    static size_t count;
    ssize_t received = recv(connection, buffer + count, sizeof buffer - count, 0);
    if (received < 0 && errno == EAGAIN) return 0;
    if (received <= 0) fail("the connection ended");
    count += (size_t)received;
    uint8_t *at = buffer, *end = buffer + count;
    while (end - at >= FRAME_HEADER) {
        size_t length = read32(at) >> 8;
        if (length > FRAME_PAYLOAD) fail("a frame that is too long");
        if ((size_t)(end - at) < FRAME_HEADER + length) break;
        uint32_t id = read32(at + 5);
        if (at[3] == DATA) take_data(id, at + FRAME_HEADER, length);
        else take_control(at[3], at[4], id, at + FRAME_HEADER, length);
        at += FRAME_HEADER + length;
    }
    count = (size_t)(end - at);
    memmove(buffer, at, count);
    return 1;
}

static int has_all_answers(void) {
    for (const struct stream *stream = streams; stream < streams + stream_count; stream++) {
        if (stream->position || stream->messages_sent > messages_received(stream)) return 0;
    }
    return 1;
}

// Sends and receives until the time is up and everything sent has come back.
static void run(double seconds) {
    double start = now();
    while (!is_over || !has_all_answers()) {
        int is_all_sent = send_all();
        if (!receive()) {
            struct pollfd watched = {.fd = connection, .events = (short)(POLLIN | (is_all_sent ? 0 : POLLOUT))};
            errno = 0;
            if (poll(&watched, 1, 10000) == 0) fail("nothing has happened for 10 s");
        }
        if (!is_over && now() - start > seconds) is_over = 1;
    }
    uint64_t messages = 0;
    for (size_t index = 0; index < stream_count; index++) messages += messages_received(&streams[index]);
    printf("{\"calls\": %lu, \"seconds\": %.6f}\n", (unsigned long)messages, now() - start);
}

int main(int count, char **words) {
    if (count != 7) {
        fprintf(stderr, "usage: stream_load PORT PATH STREAMS AHEAD MESSAGE_BYTES SECONDS\n");
        return 2;
    }
    stream_count = strtoul(words[3], NULL, 10);
    ahead = strtoul(words[4], NULL, 10);
    message_bytes = strtoul(words[5], NULL, 10);
    if (stream_count < 1 || stream_count > STREAMS_MAX || ahead < 1) fail("1 to 64 streams, 1 or more ahead");
    message = malloc(PREFIX + message_bytes);
    message[0] = 0;
    write32(message + 1, (uint32_t)message_bytes);
    for (size_t index = 0; index < message_bytes; index++) {
        message[PREFIX + index] = (uint8_t)(index * 31 + (index >> 8));
    }
    begin(atoi(words[1]), words[2]);
    run(atof(words[6]));
    return 0;
}
