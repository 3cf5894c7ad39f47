// TCB versions: eight bytes whose meaning depends on the product. Compared component by component, never as
// one number.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace enclavisor::sim {

enum class Product : std::uint8_t { kMilan, kGenoa, kTurin };

// What a product is, as the report and the certificates say it.
struct ProductFacts {
    Product product;
    std::string_view name;              // in the subjects of ARK and ASK
    std::string_view certificate_name;  // in the productName of a VCEK
    std::uint32_t chip_id_size;         // significant bytes of CHIP_ID
    std::uint64_t reserved_tcb;         // bits of a TCB version that are zero
    std::uint8_t family, model, stepping;
    std::uint8_t serial;     // highest byte of the serial numbers of ARK and ASK
    std::uint8_t structure;  // structVersion of its certificates
};
const ProductFacts& facts_of(Product product);
std::optional<Product> find_product(std::string_view name);

// A component as the VCEK's extension 1.3.6.1.4.1.3704.1.3.`arc` names it.
struct TcbComponent {
    int arc;
    int byte;
};
// In the order in which they stand in certificates.
std::span<const TcbComponent> tcb_components(Product product);

constexpr std::uint8_t tcb_byte(std::uint64_t tcb, int byte) {
    return static_cast<std::uint8_t>(tcb >> (8 * byte));
}

constexpr bool tcb_at_most(std::uint64_t a, std::uint64_t b) {
    for (int byte = 0; byte < 8; ++byte)
        if (tcb_byte(a, byte) > tcb_byte(b, byte)) return false;
    return true;
}

}  // namespace enclavisor::sim
