// The two sockets of a socketpair: UNIX sockets inside the enclave. Messages lie in
// the receiver's inbox, in private memory; open files may travel with them.
#pragma once

#include <sys/socket.h>

#include <memory>
#include <utility>
#include <vector>

#include "runtime/objects/object_file.hpp"
#include "runtime/support/buffer.hpp"

namespace enclavisor::runtime {

// What travels beside the bytes.
using Attachments = std::vector<Ref<OpenFile>>;

class LocalSocket final : public ObjectFile {
public:
    // `flags` of the open file, `type` of the socket.
    LocalSocket(int flags, int type) : ObjectFile{flags}, type_{type}, number_{next_object_number()} {}
    ~LocalSocket() override;

    // Precondition: neither has a peer.
    static void connect(LocalSocket& first, LocalSocket& second);

    struct Received {
        std::int64_t size = 0;  // with MSG_TRUNC that of the message
        bool truncated = false;
        Attachments files;
    };
    // As sendmsg and recvmsg with MSG_ flags; -EPIPE raises no signal here.
    std::int64_t send(const Buffers& from, int flags, Attachments files);
    std::int64_t receive(const Buffers& to, int flags, Received& received);
    std::int64_t shut_down(int how);

    int type() const { return type_; }
    bool is_stream() const { return type_ == SOCK_STREAM; }
    bool connected() const { return connected_; }
    int take_error() { return std::exchange(error_, 0); }

    // Nanoseconds; 0: for ever (SO_RCVTIMEO, SO_SNDTIMEO).
    std::uint64_t receive_timeout = 0, send_timeout = 0;
    std::uint32_t send_size = 212992, receive_size = 212992;  // SO_SNDBUF, SO_RCVBUF
    bool pass_credentials = false;

    std::int64_t stat(struct stat& info) override;
    std::string name() const override;
    short readiness() override;
    WaitQueue* queue() override { return &queue_; }
    LocalSocket* local_socket() override { return this; }

protected:
    std::int64_t take(const Buffers& to) override;
    std::int64_t put(const Buffers& from, std::uint64_t done) override;
    bool streams() const override { return is_stream(); }
    std::int64_t bytes_readable() override;

private:
    struct Message {
        explicit Message(std::uint64_t size) : bytes{size} {}
        std::uint64_t left() const { return end - begin; }
        Buffer bytes;
        std::uint64_t begin = 0, end = 0;
        Attachments files;
        base::ListLink<Message> link;
    };
    using Inbox = base::List<Message, &Message::link>;

    // What a message counts for against its sender's SO_SNDBUF.
    static std::uint64_t weight(const Message& message);
    std::unique_ptr<Message> pop();
    std::int64_t check_peer();
    std::int64_t put_message(const Buffers& from, std::uint64_t done, Attachments& files);
    std::int64_t take_stream(const Buffers& to, int flags, Received& received);
    std::int64_t take_message(const Buffers& to, int flags, Received& received);
    std::int64_t nothing_there();

    const int type_;
    const std::uint64_t number_;
    LocalSocket* peer_ = nullptr;  // null: gone
    bool connected_ = false;       // has had a peer, and was not told that it is gone
    bool shut_read_ = false, shut_write_ = false;
    int error_ = 0;
    Inbox inbox_;
    std::uint64_t inbox_weight_ = 0, inbox_bytes_ = 0;
    WaitQueue queue_;
};

// `flags`: O_NONBLOCK or 0.
std::pair<Ref<OpenFile>, Ref<OpenFile>> make_socket_pair(int type, int flags);

}  // namespace enclavisor::runtime
