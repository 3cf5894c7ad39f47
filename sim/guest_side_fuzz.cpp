// Bytes become what a hypervisor brings the guest as the answer to its messages (attest/guest_messages.hpp):
// the truth, the truth with words changed, an earlier answer, anything. The guest believes the truth and
// nothing else. One body, two drivers: libFuzzer, and guest_side_test's short form.
#include <cstdlib>
#include <set>

#include "attest/guest_messages.hpp"
#include "sim/guest_message.hpp"

namespace enclavisor::sim {
namespace {

using attest::GuestMessages;
using attest::MessagePage;
using attest::MessageRefusal;

constexpr std::uint8_t kKeyNumber = 2;
constexpr std::uint8_t kUntouched = 0xa5;

void require(bool holds) {
    if (!holds) std::abort();
}

class Conversation {
public:
    explicit Conversation(BytesView bytes) : bytes_{bytes} {
        for (std::uint8_t& byte : key_) byte = static_cast<std::uint8_t>(take(1));
        sent_ = take(1) % 8 != 0 ? take(1) : ~0ull - take(1) % 8;
        guest_.begin(key_, kKeyNumber, sent_);
    }

    void go_on() {
        while (!bytes_.empty()) {
            if (take(1) % 2 == 0) {
                ask();
            } else {
                answer();
            }
        }
    }

private:
    std::uint64_t take(std::size_t size) {
        std::uint64_t value = 0;
        const std::size_t count = std::min(size, bytes_.size());
        std::memcpy(&value, bytes_.data(), count);
        bytes_ = bytes_.subspan(count);
        return value;
    }

    void ask() {
        const Bytes text(take(1) % 8 != 0 ? take(1) : take(2) % (2 * kMostMessage), 7);
        const bool closed = guest_.closed();
        MessagePage page;
        constexpr abi::GuestMessageType kTypes[] = {abi::GuestMessageType::kKeyRequest,
                                                    abi::GuestMessageType::kReportRequest,
                                                    abi::GuestMessageType::kTscRequest};
        const MessageRefusal refusal = guest_.seal(kTypes[take(1) % std::size(kTypes)], text, page);
        if (refusal != MessageRefusal::kNone) return;
        require(!closed && !awaited_ && text.size() <= kMostMessage);
        const auto header = block_of<sizeof(MessageHeader)>(page.bytes);
        std::memcpy(&asked_, header.data(), sizeof(asked_));
        // One number, one message: AES-GCM gives away its key otherwise.
        require(asked_.number == sent_ + 1 && numbers_.insert(asked_.number).second);
        awaited_ = true;
    }

    void answer() {
        const Bytes text(take(1) % 4 != 0 ? take(1) : take(2) % (kMostMessage + 1), 9);
        const Message message{static_cast<std::uint8_t>(asked_.type + 1), 1, kKeyNumber, text};
        const Block<kMessagePage> truth = seal(message, key_, asked_.number + 1);
        MessagePage page;
        const bool earlier = take(1) % 8 == 0;
        std::memcpy(page.bytes, earlier ? earlier_.data() : truth.data(), sizeof(page.bytes));
        for (std::uint64_t changes = take(1) % 4; changes > 0; changes--) {
            const std::size_t at =
                take(1) % 2 != 0 ? take(1) % sizeof(MessageHeader) : take(2) % kMessagePage;
            page.bytes[at] = static_cast<std::uint8_t>(take(1));
        }
        const MessagePage brought = page;
        Bytes heard(take(1) % 8 != 0 ? kMostMessage : take(1), kUntouched);
        std::size_t size = ~std::size_t{0};
        const bool closed = guest_.closed(), awaited = awaited_;
        const MessageRefusal refusal = guest_.open(page, heard, size);
        if (refusal == MessageRefusal::kNone) {
            require(!closed && awaited && is(brought, truth, text.size()));
            require(size == text.size() && std::equal(text.begin(), text.end(), heard.begin()));
            sent_ += 2;
            awaited_ = false;
            earlier_ = truth;
            return;
        }
        require(guest_.closed() && size == 0);
        for (const std::uint8_t byte : heard) require(byte == kUntouched);
        // The truth is always heard where there is room for it.
        require(closed || !awaited || heard.size() < text.size() || !is(brought, truth, text.size()));
    }

    // In all that is authenticated or checked: number, header from the algorithm on, text, tag.
    static bool is(const MessagePage& page, const Block<kMessagePage>& truth, std::size_t size) {
        const auto same = [&](std::size_t from, std::size_t count) {
            return std::memcmp(page.bytes + from, truth.data() + from, count) == 0;
        };
        return same(0, 16) && same(offsetof(MessageHeader, number), 8) &&
               same(offsetof(MessageHeader, algorithm),
                    sizeof(MessageHeader) + size - offsetof(MessageHeader, algorithm));
    }

    BytesView bytes_;
    GuestMessages guest_;
    Block<32> key_{};
    std::uint64_t sent_ = 0;
    bool awaited_ = false;
    MessageHeader asked_{};
    std::set<std::uint64_t> numbers_;
    Block<kMessagePage> earlier_{};
};

}  // namespace

void run_lying_hypervisor(BytesView bytes) {
    Conversation{bytes}.go_on();
}

}  // namespace enclavisor::sim

#ifdef ENCLAVISOR_LIBFUZZER
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    enclavisor::sim::run_lying_hypervisor({data, size});
    return 0;
}
#endif
