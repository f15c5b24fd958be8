#include "hostile/attack.hpp"
namespace siov::hostile {
std::vector<Attack> memory_attacks() { return {}; }
}  // namespace siov::hostile
