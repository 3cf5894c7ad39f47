#include "sim/tcb.hpp"

namespace enclavisor::sim {
namespace {

constexpr ProductFacts kProducts[] = {
    {Product::kMilan, "Milan", "Milan-B0", 64, 0x0000'FFFF'FFFF'0000, 0x19, 0x01, 0x01, 1, 0},
    {Product::kGenoa, "Genoa", "Genoa", 64, 0x0000'FFFF'FFFF'0000, 0x19, 0x11, 0x01, 2, 0},
    {Product::kTurin, "Turin", "Turin", 8, 0x00FF'FFFF'0000'0000, 0x1A, 0x02, 0x01, 3, 1},
};

constexpr TcbComponent kMilanComponents[] = {{1, 0}, {2, 1}, {4, 2}, {5, 3}, {6, 4}, {7, 5}, {3, 6}, {8, 7}};
constexpr TcbComponent kTurinComponents[] = {{9, 0}, {1, 1}, {2, 2}, {3, 3}, {5, 4}, {6, 5}, {7, 6}, {8, 7}};

}  // namespace

const ProductFacts& facts_of(Product product) {
    return kProducts[static_cast<int>(product)];
}

std::optional<Product> find_product(std::string_view name) {
    for (const ProductFacts& facts : kProducts)
        if (facts.name == name) return facts.product;
    return std::nullopt;
}

std::span<const TcbComponent> tcb_components(Product product) {
    if (product == Product::kTurin) return kTurinComponents;
    return kMilanComponents;
}

}  // namespace enclavisor::sim
