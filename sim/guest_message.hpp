// Messages between an SNP guest and the firmware: one page, sealed with AES-256-GCM under a key that both
// have (SNP ABI: "Guest messages").
#pragma once

#include "sim/crypto.hpp"
#include "sim/status.hpp"

namespace enclavisor::sim {

struct MessageHeader {
    Block<32> tag;
    std::uint64_t number;
    Block<8> reserved0;
    std::uint8_t algorithm;       // kAesGcm
    std::uint8_t header_version;  // 1
    std::uint16_t header_size;
    std::uint8_t type, version;
    std::uint16_t size;
    Block<4> reserved1;
    std::uint8_t key;  // VMPCK 0 to 3
    Block<35> reserved2;
};
static_assert(sizeof(MessageHeader) == 0x60);
inline constexpr std::uint8_t kAesGcm = 1;
inline constexpr std::size_t kMessagePage = 4096, kMostMessage = kMessagePage - sizeof(MessageHeader);
inline constexpr unsigned kMessageKeys = 4;

enum class MessageType : std::uint8_t {
    kKeyRequest = 3,
    kReportRequest = 5,
    kTscRequest = 17,
};

struct Message {
    std::uint8_t type, version, key;
    Bytes text;
};

// Seals as both sides do. Precondition: message.text has at most kMostMessage bytes.
Block<kMessagePage> seal(const Message& message, const Block<32>& key, std::uint64_t number);

// A message that is well-formed, in turn and authentic. `counts` are of messages so far, by key.
Result<Message> open(const Block<kMessagePage>& page, const std::array<Block<32>, kMessageKeys>& keys,
                     const std::array<std::uint64_t, kMessageKeys>& counts);

}  // namespace enclavisor::sim
