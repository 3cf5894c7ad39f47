#include "sim/guest_message.hpp"

#include <algorithm>
#include <limits>

namespace enclavisor::sim {
namespace {

constexpr std::size_t kAssociated = 0x30;  // from the algorithm to the end of the header

Block<12> iv_of(std::uint64_t number) {
    return block_of<12>(view_of(number));
}

}  // namespace

Block<kMessagePage> seal(const Message& message, const Block<32>& key, std::uint64_t number) {
    MessageHeader header{};
    header.number = number;
    header.algorithm = kAesGcm;
    header.header_version = 1;
    header.header_size = sizeof(MessageHeader);
    header.type = message.type;
    header.version = message.version;
    header.size = static_cast<std::uint16_t>(message.text.size());
    header.key = message.key;
    const Sealed sealed = gcm_seal(key, iv_of(number), view_of(header).subspan(kAssociated), message.text);
    std::memcpy(header.tag.data(), sealed.tag.data(), sealed.tag.size());
    Block<kMessagePage> page{};
    std::memcpy(page.data(), &header, sizeof(header));
    std::ranges::copy(sealed.text, page.begin() + sizeof(header));
    return page;
}

Result<Message> open(const Block<kMessagePage>& page, const std::array<Block<32>, kMessageKeys>& keys,
                     const std::array<std::uint64_t, kMessageKeys>& counts) {
    BytesView rest{page};
    const MessageHeader header = *take_front<MessageHeader>(rest);
    if (header.algorithm != kAesGcm || header.header_version != 1 || header.header_size != sizeof(header) ||
        header.key >= kMessageKeys || !all_zero(header.reserved0) || !all_zero(header.reserved1) ||
        !all_zero(header.reserved2) || !all_zero(BytesView{header.tag}.subspan(16)))
        return refuse(Status::kInvalidParam);
    if (header.size > kMostMessage) return refuse(Status::kInvalidLength);
    const std::uint64_t count = counts[header.key];
    if (count > std::numeric_limits<std::uint64_t>::max() - 2 || header.number != count + 1)
        return refuse(Status::kAeadOverflow);
    auto text = gcm_open(keys[header.key], iv_of(header.number), view_of(header).subspan(kAssociated),
                         rest.first(header.size), BytesView{header.tag}.first(16));
    if (!text) return refuse(Status::kBadMeasurement);
    return Message{header.type, header.version, header.key, *std::move(text)};
}

}  // namespace enclavisor::sim
