// Either end of a channel, for tests.
#include "tests/programs/functions/pipe.hpp"

#include <algorithm>
#include <enclavisor/sdk.hpp>
#include <optional>

using namespace enclavisor;
using tests::block_word;
using tests::kBlockWords;

namespace {

constexpr std::uint64_t kBlock = kBlockWords * 8;

std::optional<sdk::ChannelWriter> writer;
std::optional<sdk::ChannelReader> reader;
std::optional<sdk::MemoryObject> object;
std::uint64_t block[kBlockWords];
std::byte target[1 << 20];

auto is(std::uint64_t instance) {
    return [instance](const abi::Identity& who) { return who.instance == instance; };
}

void fill(std::uint64_t seed) {
    for (std::uint64_t i = 0; i < kBlockWords; i++) block[i] = block_word(seed, i);
}

// Bytes of the repeating block, which begin at `position` and end with it at the latest.
std::span<const std::byte> part(std::uint64_t position, std::uint64_t most) {
    const auto bytes = std::as_bytes(std::span{block}).subspan(position % kBlock);
    return bytes.first(std::min<std::uint64_t>(bytes.size(), most));
}

std::uint64_t produce(std::uint64_t total) {
    std::uint64_t done = 0;
    while (done < total) {
        const auto space = writer->reserve();
        if (!space) break;
        const auto from = part(done, std::min<std::uint64_t>(space->size(), total - done));
        __builtin_memcpy(space->data(), from.data(), from.size());
        writer->commit(from.size());
        done += from.size();
    }
    return done;
}

// Looks at every word, or at the first of each piece.
tests::Consumed consume(std::uint64_t total, bool all) {
    tests::Consumed result{};
    const std::uint64_t begin = __builtin_ia32_rdtsc();
    while (result.bytes < total) {
        const auto data = reader->peek();
        if (!data) break;
        const auto expected = part(result.bytes, data->size());
        const auto* got = reinterpret_cast<const std::uint64_t*>(data->data());
        const auto* right = reinterpret_cast<const std::uint64_t*>(expected.data());
        const std::size_t words = all ? expected.size() / 8 : 1;
        for (std::size_t i = 0; i < words; i++) result.wrong += got[i] != right[i];
        reader->release(expected.size());
        result.bytes += expected.size();
    }
    result.ticks = __builtin_ia32_rdtsc() - begin;
    return result;
}

}  // namespace

ENCLAVISOR_ENTRY(make, [](std::uint64_t peer, std::uint64_t bytes) -> std::uint64_t {
    auto made = sdk::ChannelWriter::make(bytes, peer);
    if (!made.ok()) return 0;
    writer.emplace(made.take());
    return writer->number();
});
ENCLAVISOR_ENTRY(join, [](std::uint64_t number, std::uint64_t maker) -> std::int64_t {
    auto joined = sdk::ChannelReader::join(number, is(maker));
    if (!joined.ok()) return static_cast<std::int64_t>(joined.error());
    reader.emplace(joined.take());
    return 0;
});
ENCLAVISOR_ENTRY(accept, [](std::uint64_t peer) { return writer->accept(is(peer)).ok(); });
ENCLAVISOR_ENTRY(fill, [](std::uint64_t seed) { fill(seed); });
ENCLAVISOR_ENTRY(produce, [](std::uint64_t total) { return produce(total); });
ENCLAVISOR_ENTRY(consume, [](std::uint64_t total, bool all) { return consume(total, all); });
// The same amount in one process: ticks.
ENCLAVISOR_ENTRY(copy, [](std::uint64_t total) {
    const std::uint64_t begin = __builtin_ia32_rdtsc();
    for (std::uint64_t done = 0; done < total; done += kBlock) {
        __builtin_memcpy(target + done % sizeof(target), block, kBlock);
        asm volatile("" ::: "memory");
    }
    return __builtin_ia32_rdtsc() - begin;
});
ENCLAVISOR_ENTRY(send, [](std::uint32_t count) {
    for (std::uint32_t i = 0; i < count; i++) {
        const std::size_t size = (i * 37) % 1500;
        const auto space = writer->reserve_message(size);
        if (!space) return false;
        for (auto& byte : *space) byte = static_cast<std::byte>(i);
        writer->commit_message(size);
    }
    return true;
});
// -> how many were as sent.
ENCLAVISOR_ENTRY(receive, [](std::uint32_t count) {
    std::uint32_t right = 0;
    for (std::uint32_t i = 0; i < count; i++) {
        const auto message = reader->peek_message();
        if (!message) break;
        bool same = message->size() == (i * 37) % 1500;
        for (const auto byte : *message) same &= byte == static_cast<std::byte>(i);
        right += same;
        reader->release_message();
    }
    return right;
});
// The writer breaks the protocol in one of its ways.
ENCLAVISOR_ENTRY(cheat, [](std::uint32_t how, std::uint32_t value) {
    auto made = sdk::MemoryObject::open(writer->number());
    const auto bytes = made.map(sdk::Access::kReadWrite);
    auto& header = *reinterpret_cast<sdk::ChannelHeader*>(bytes.value().data());
    if (how == 0) header.written = value;
    if (how == 1) {
        *reinterpret_cast<std::uint32_t*>(bytes.value().data() + abi::kPageSize) = value;
        header.written = 16;
    }
});
ENCLAVISOR_ENTRY(leave_reader, []() { reader.reset(); });
ENCLAVISOR_ENTRY(leave_writer, []() {
    writer->await_left();
    writer.reset();
});

// Objects by measurement, read-only, taken back.
ENCLAVISOR_ENTRY(share, [](base::Bytes measurement, std::uint64_t value) -> std::uint64_t {
    sdk::Measurement who;
    if (measurement.size() != who.size()) return 0;
    __builtin_memcpy(who.data(), measurement.data(), who.size());
    auto made = sdk::MemoryObject::create(4);
    if (!made.ok()) return 0;
    object.emplace(made.take());
    const auto bytes = object->map(sdk::Access::kReadWrite);
    if (!bytes.ok() || !object->grant(who, sdk::Access::kRead).ok()) return 0;
    __builtin_memcpy(bytes.value().data(), &value, sizeof(value));
    return object->number();
});
ENCLAVISOR_ENTRY(look, [](std::uint64_t number, bool write) -> std::uint64_t {
    object.reset();
    object.emplace(sdk::MemoryObject::open(number));
    const auto bytes = object->map(write ? sdk::Access::kReadWrite : sdk::Access::kRead);
    if (!bytes.ok()) return ~0ull;
    std::uint64_t value;
    __builtin_memcpy(&value, bytes.value().data(), sizeof(value));
    return value;
});
ENCLAVISOR_ENTRY(who_made, []() -> std::uint64_t {
    const auto who = object->identify();
    return who.ok() ? who.value().instance : 0;
});
ENCLAVISOR_ENTRY(take_back, []() { return object->revoke().ok(); });
