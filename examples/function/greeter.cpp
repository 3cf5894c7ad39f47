// A function enclave: it initialises once, and greets in each of its instances.
#include <enclavisor/sdk.hpp>

using namespace enclavisor;

static std::uint64_t key, greeted;

ENCLAVISOR_ENTRY(add, [](int a, int b) { return a + b; });
ENCLAVISOR_ENTRY(greet, [](base::Bytes name) {
    greeted++;
    return sdk::call_out_bytes(1, 100, name).take();
});
ENCLAVISOR_ENTRY(greeted, []() { return greeted; });
ENCLAVISOR_ENTRY(keyed, [](std::uint64_t value) { return value ^ key; });

extern "C" void enclavisor_main() {
    sdk::ready();                // here it becomes a template; each instance goes on from here
    key = sdk::random_number();  // so this is different in each
}
