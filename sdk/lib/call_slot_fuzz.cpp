// Both sides of a call slot, and the reader of a channel, read what the fuzzer wrote.
// None may touch anything but the memory that it was given.
#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

#include "base/call_codec.hpp"
#include "base/call_ring.hpp"
#include "sdk/include/enclavisor/channel_ring.hpp"

namespace {

using namespace enclavisor;

void check(bool right) {
    if (!right) __builtin_trap();
}

// A page of its own, so that the sanitizer sees what lies beside it.
std::unique_ptr<std::byte[]> page_of(const std::uint8_t* data, std::size_t size) {
    auto page = std::make_unique<std::byte[]>(abi::kPageSize);
    std::memset(page.get(), 0, abi::kPageSize);
    std::memcpy(page.get(), data, size < abi::kPageSize ? size : abi::kPageSize);
    return page;
}

void receive(std::byte* slot) {
    base::CallReceiver receiver{base::calls_in(slot, 1)};
    base::CallReceiver::Request request;
    for (int i = 0; i < 32 && receiver.look(request) == base::Look::kFound; i++) {
        std::vector<std::byte> copy(request.arguments.size());
        base::copy_from_shared(copy.data(), request.arguments);
        base::Decoder decoder{copy};
        decoder.take<std::uint32_t>();
        const auto bytes = decoder.take<base::Bytes>();
        check(bytes.size() <= copy.size());
        decoder.take<std::string_view>();
        decoder.finished();
        check(request.buffer.size() >= request.arguments.size());
        std::memset(request.buffer.data(), 0x5a, request.buffer.size());
        receiver.complete(request.id, abi::CallStatus::kOk, 0);
        check(receiver.under_way() <= abi::kCallDepth);
    }
}

void send(std::byte* slot, std::uint8_t calls) {
    base::CallSender sender{base::calls_out(slot, 1)};
    for (std::uint8_t i = 0; i < calls % 12; i++) {
        if (const auto ticket = sender.reserve(i * 40u)) sender.submit(*ticket, i, i * 8u);
    }
    base::CallSender::Done done;
    std::vector<std::byte> result;
    while (sender.look(done) == base::Look::kFound) {
        result.resize(done.size);
        sender.copy_result(done.ticket, result);
        sender.release(done.ticket);
    }
    check(sender.under_way() <= abi::kCallDepth);
}

void read_channel(std::byte* page) {
    sdk::ChannelHeader header;
    std::memcpy(&header, page, sizeof(header));
    sdk::RingReader reader{header, {page + 2048, 2048}};
    for (int i = 0; i < 64; i++) {
        const auto message = reader.message();
        if (!message || !message->found) break;
        // Read, all of it.
        const std::vector<std::byte> copy(message->bytes.begin(), message->bytes.end());
        check(copy.size() <= 2048);
        reader.release_message();
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) return 0;
    const auto page = page_of(data + 2, size - 2);
    switch (data[0] % 3) {
        case 0:
            receive(page.get());
            break;
        case 1:
            send(page.get(), data[1]);
            break;
        default:
            read_channel(page.get());
    }
    return 0;
}
