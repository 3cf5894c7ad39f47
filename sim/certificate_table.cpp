#include "sim/certificate_table.hpp"

#include "base/checked.hpp"

namespace enclavisor::sim {
namespace {

struct TableEntry {
    Block<16> guid;
    std::uint32_t offset, size;
};
static_assert(sizeof(TableEntry) == 24);

// As they stand in memory: the first three fields little endian.
constexpr Block<16> kVcekGuid{0x8d, 0x75, 0xda, 0x63, 0x64, 0xe6, 0x64, 0x45,
                              0xad, 0xc5, 0xf4, 0xb9, 0x3b, 0xe8, 0xac, 0xcd};
constexpr Block<16> kVlekGuid{0xc2, 0x4b, 0x07, 0xa8, 0x5a, 0xa2, 0x3e, 0x48,
                              0xaa, 0xe6, 0x39, 0xc0, 0x45, 0xa0, 0xb8, 0xa1};
constexpr Block<16> kAskGuid{0x79, 0xb3, 0xb7, 0x4a, 0xac, 0xbb, 0xe4, 0x4f,
                             0xa0, 0x2f, 0x05, 0xae, 0xf3, 0x27, 0xc7, 0x82};
constexpr Block<16> kArkGuid{0xa4, 0x06, 0xb4, 0xc0, 0x03, 0xa8, 0x52, 0x49,
                             0x97, 0x43, 0x3f, 0xb6, 0x01, 0x4c, 0xd0, 0xae};

}  // namespace

Bytes certificate_table(const Chip& chip, Authority& authority) {
    const std::uint64_t tcb = chip.state().reported_tcb;
    const bool vlek = chip.vlek(tcb).has_value();
    const std::pair<Block<16>, Bytes> certificates[] = {
        {vlek ? kVlekGuid : kVcekGuid, vlek ? authority.vlek(chip, tcb) : authority.vcek(chip, tcb)},
        {kAskGuid, authority.certificate(vlek ? Signer::kAsvk : Signer::kAsk)},
        {kArkGuid, authority.certificate(Signer::kArk)},
    };
    Bytes table, data;
    const std::size_t start = (std::size(certificates) + 1) * sizeof(TableEntry);
    for (const auto& [guid, certificate] : certificates) {
        const TableEntry entry{guid, static_cast<std::uint32_t>(start + data.size()),
                               static_cast<std::uint32_t>(certificate.size())};
        append(table, view_of(entry));
        append(data, certificate);
    }
    append(table, view_of(TableEntry{}));
    append(table, data);
    table.resize(base::round_up<std::size_t>(table.size(), 4096));
    return table;
}

}  // namespace enclavisor::sim
