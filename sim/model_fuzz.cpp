// Any bytes as commands, and as what a guest says under a key that is right.
#include "sim/guest_request.hpp"
#include "sim/model.hpp"

using namespace enclavisor::sim;

namespace {

// Keys of RSA take long: one authority serves every input.
const AuthorityState& certified() {
    static const AuthorityState state = [] {
        Authority authority{Product::kMilan};
        for (const Signer signer : {Signer::kArk, Signer::kAsk, Signer::kAsvk})
            (void)authority.certificate(signer);
        return authority.state();
    }();
    return state;
}

// Guest 1 runs; `keys` are its.
void run_guest(Model& model, std::array<Block<32>, kMessageKeys>& keys) {
    (void)model.snp.init();
    (void)model.snp.create();
    SnpGuest& guest = *model.snp.find(1).take();
    (void)guest.start({snp_policy::kOne | snp_policy::kSmt, 0, 1'000'000, {}}, model.chip);
    (void)guest.activate(1);
    RmpEntry entry;
    entry.assigned = entry.immutable = true;
    entry.asid = 1;
    (void)model.rmp.update(0, entry);
    Bytes corrected;
    const auto page = guest.update({0, PageType::kSecrets, 0, 0, 0, 0, 0, {}}, Bytes(kPage), model.rmp,
                                   model.chip, corrected);
    std::memcpy(&keys, page.value().data() + 0x20, sizeof(keys));
    (void)guest.finish({});
}

struct Step {
    std::uint16_t command, size;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const Chip kChip = Chip::make(Product::kMilan);
    Model model{kChip, Authority{Product::kMilan, certified()}, SevPlatform{}, 64ull << 20};
    BytesView rest{data, size};
    std::array<Block<32>, kMessageKeys> keys{};
    std::uint64_t number = 1;
    run_guest(model, keys);
    while (const auto step = take_front<Step>(rest)) {
        const BytesView payload = rest.first(std::min<std::size_t>(step->size, rest.size()));
        rest = rest.subspan(payload.size());
        if (step->command != 0) {
            (void)model.handle(static_cast<Command>(step->command), payload);
            continue;
        }
        if (payload.size() < 2 || payload.size() > kMostMessage) continue;
        const Message message{payload[0], payload[1], 0, {payload.begin() + 2, payload.end()}};
        const GuestMessageRequest request{1, 0, seal(message, keys[0], number)};
        if (model.handle(Command::kSnpGuestRequest, view_of(request)).status == Status::kSuccess) number += 2;
    }
    return 0;
}
