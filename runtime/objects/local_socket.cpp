#include "runtime/objects/local_socket.hpp"

#include <algorithm>

#include "runtime/support/text.hpp"

namespace enclavisor::runtime {
namespace {

constexpr std::uint64_t kLargestPiece = 32 << 10;  // of a stream
constexpr std::uint64_t kOverhead = 768;           // what Linux counts for a small message
constexpr short kSocketWritable = kWritable | POLLWRBAND;
constexpr short kEverything = kReadable | POLLRDHUP | kSocketWritable | kAlwaysTold;

}  // namespace

void LocalSocket::connect(LocalSocket& first, LocalSocket& second) {
    first.peer_ = &second;
    second.peer_ = &first;
    first.connected_ = second.connected_ = true;
}

LocalSocket::~LocalSocket() {
    if (LocalSocket* peer = std::exchange(peer_, nullptr); peer != nullptr) {
        peer->peer_ = nullptr;
        if (type_ != SOCK_DGRAM) {
            peer->shut_read_ = peer->shut_write_ = true;
            if (!inbox_.empty()) peer->error_ = ECONNRESET;
            peer->queue_.notify(kEverything);
        } else if (!inbox_.empty()) {
            peer->queue_.notify(kSocketWritable);
        }
    }
    // Files that nobody received close now, which may release the lock: this is unreachable.
    while (!inbox_.empty()) pop();
}

std::uint64_t LocalSocket::weight(const Message& message) {
    return message.bytes.size() + kOverhead;
}

std::unique_ptr<LocalSocket::Message> LocalSocket::pop() {
    std::unique_ptr<Message> message{inbox_.pop_front()};
    inbox_weight_ -= weight(*message);
    inbox_bytes_ -= message->left();
    if (peer_ != nullptr && (peer_->readiness() & POLLOUT)) peer_->queue_.notify(kSocketWritable);
    return message;
}

// Whether anything can be sent at all: 0 or -errno.
std::int64_t LocalSocket::check_peer() {
    if (!is_stream() && error_ != 0) return -take_error();
    if (shut_write_) return -EPIPE;
    if (peer_ != nullptr && !peer_->shut_read_) return 0;
    // Linux gives back the room that the message took.
    queue_.notify(kSocketWritable);
    if (peer_ != nullptr) return -EPIPE;
    if (!std::exchange(connected_, false)) return -ENOTCONN;
    // With the news of the peer's end what it had sent is gone.
    while (!inbox_.empty()) pop();
    return -ECONNREFUSED;
}

std::int64_t LocalSocket::put_message(const Buffers& from, std::uint64_t done, Attachments& files) {
    if (const std::int64_t error = check_peer(); error != 0) return error;
    std::uint64_t size = from.size() - done;
    if (!is_stream() && size > send_size - 32) return -EMSGSIZE;
    if (is_stream() && size == 0) return 0;
    if (peer_->inbox_weight_ >= send_size) return -EAGAIN;
    if (is_stream()) size = std::min(size, kLargestPiece);
    auto message = std::make_unique<Message>(size);
    if (!from.read(done, message->bytes.data(), size)) return -EFAULT;
    message->end = size;
    message->files = std::exchange(files, {});
    peer_->inbox_bytes_ += size;
    peer_->inbox_weight_ += weight(*message);
    peer_->inbox_.push_back(message.release());
    peer_->queue_.notify(kReadable | POLLRDBAND);
    return static_cast<std::int64_t>(size);
}

std::int64_t LocalSocket::send(const Buffers& from, int flags, Attachments files) {
    if (flags & MSG_OOB) return -EOPNOTSUPP;
    const bool waits = this->waits() && !(flags & MSG_DONTWAIT);
    return put_all(from.size(), waits, deadline_after(send_timeout),
                   [&](std::uint64_t done) { return put_message(from, done, files); });
}

// What a receiver is told when the inbox is empty.
std::int64_t LocalSocket::nothing_there() {
    if (error_ != 0) return -take_error();
    if (shut_read_ && (type_ != SOCK_DGRAM || waits())) return 0;
    return -EAGAIN;
}

// From as many messages as it takes, but from one with files no further.
std::int64_t LocalSocket::take_stream(const Buffers& to, int flags, Received& received) {
    if (inbox_.empty()) return nothing_there();
    const bool peek = flags & MSG_PEEK;
    std::uint64_t done = 0;
    Message* next;
    for (Message* message = inbox_.first(); message != nullptr && done < to.size(); message = next) {
        next = Inbox::next(message);
        if (!message->files.empty() && done > 0) break;
        const std::uint64_t count = std::min(message->left(), to.size() - done);
        if (!to.write(done, message->bytes.data() + message->begin, count))
            return done > 0 ? static_cast<std::int64_t>(done) : -EFAULT;
        done += count;
        const bool had_files = !message->files.empty();
        if (peek) {
            received.files = message->files;
        } else {
            if (had_files) received.files = std::exchange(message->files, {});
            message->begin += count;
            inbox_bytes_ -= count;
            if (message->left() == 0) pop();
        }
        if (had_files) break;
    }
    return static_cast<std::int64_t>(done);
}

std::int64_t LocalSocket::take_message(const Buffers& to, int flags, Received& received) {
    if (error_ != 0) return -take_error();
    Message* message = inbox_.first();
    if (message == nullptr) return nothing_there();
    const std::uint64_t size = message->left();
    const std::uint64_t count = std::min(size, to.size());
    if (!to.write(0, message->bytes.data() + message->begin, count)) return -EFAULT;
    received.truncated = count < size;
    if (flags & MSG_PEEK) {
        received.files = message->files;
    } else {
        received.files = std::move(pop()->files);
    }
    return static_cast<std::int64_t>(flags & MSG_TRUNC ? size : count);
}

std::int64_t LocalSocket::receive(const Buffers& to, int flags, Received& received) {
    if (flags & MSG_OOB) return is_stream() ? -EINVAL : -EOPNOTSUPP;
    const bool waits = this->waits() && !(flags & MSG_DONTWAIT);
    const std::uint64_t deadline = deadline_after(receive_timeout);
    if (!is_stream()) {
        return received.size =
                   repeat(waits, POLLIN, deadline, [&] { return take_message(to, flags, received); });
    }
    received.size = repeat(waits, POLLIN, deadline, [&] { return take_stream(to, flags, received); });
    if (!(flags & MSG_WAITALL) || (flags & MSG_PEEK)) return received.size;
    auto size = static_cast<std::uint64_t>(std::max<std::int64_t>(received.size, 0));
    while (received.size > 0 && size < to.size() && received.files.empty()) {
        Buffer rest{std::min(to.size() - size, kLargestPiece)};
        const Buffers into{reinterpret_cast<Address>(rest.data()), rest.size()};
        const std::int64_t more =
            repeat(waits, POLLIN, deadline, [&] { return take_stream(into, flags, received); });
        if (more <= 0) break;
        if (!to.write(size, rest.data(), static_cast<std::uint64_t>(more))) break;
        size += static_cast<std::uint64_t>(more);
    }
    if (received.size > 0) received.size = static_cast<std::int64_t>(size);
    return received.size;
}

std::int64_t LocalSocket::take(const Buffers& to) {
    Received received;
    if (to.size() == 0) return 0;
    return is_stream() ? take_stream(to, 0, received) : take_message(to, 0, received);
}

std::int64_t LocalSocket::put(const Buffers& from, std::uint64_t done) {
    Attachments none;
    return put_message(from, done, none);
}

std::int64_t LocalSocket::bytes_readable() {
    if (type_ != SOCK_DGRAM) return static_cast<std::int64_t>(inbox_bytes_);
    return inbox_.empty() ? 0 : static_cast<std::int64_t>(inbox_.first()->left());
}

std::int64_t LocalSocket::shut_down(int how) {
    if (how < SHUT_RD || how > SHUT_RDWR) return -EINVAL;
    const bool read = how != SHUT_WR, write = how != SHUT_RD;
    shut_read_ |= read;
    shut_write_ |= write;
    if (peer_ != nullptr && type_ != SOCK_DGRAM) {
        peer_->shut_read_ |= write;
        peer_->shut_write_ |= read;
        peer_->queue_.notify(kEverything);
    }
    queue_.notify(kEverything);
    return 0;
}

std::int64_t LocalSocket::stat(struct stat& info) {
    describe_object(info, S_IFSOCK | 0777, number_);
    return 0;
}

std::string LocalSocket::name() const {
    return join("socket:[", number_, "]");
}

short LocalSocket::readiness() {
    short events = 0;
    if (error_ != 0) events |= POLLERR;
    if (shut_read_ && shut_write_) events |= POLLHUP;
    if (shut_read_) events |= POLLRDHUP | kReadable;
    if (!inbox_.empty()) events |= kReadable;
    if (peer_ == nullptr || peer_->inbox_weight_ * 4 <= send_size) events |= kSocketWritable;
    return events;
}

std::pair<Ref<OpenFile>, Ref<OpenFile>> make_socket_pair(int type, int flags) {
    const auto first = make_ref<LocalSocket>(O_RDWR | flags, type);
    const auto second = make_ref<LocalSocket>(O_RDWR | flags, type);
    LocalSocket::connect(*first, *second);
    return {first, second};
}

}  // namespace enclavisor::runtime
