// Which rows of a cache a model computes: a hash of the model and of what it computes, so that
// pages stored by one process are used by another only where both compute the same bits.
#pragma once
#include <span>
#include <string>

#include "model/model.h"

namespace weir {

// SHA-256 in hex of
//   - the configuration, and name, type and shape of every weight;
//   - the numbers of every weight: all of small ones, of large ones pieces that lie evenly
//     (training moves every number, so any of them tells two trained models apart);
//   - `probe`: rows that this process has computed with the model. They depend on all dense
//   weights,
//     the form and type of the cache and the arithmetic of this version of the program;
//   - `files`: sizes and times of the model's files, for a change of few numbers made by hand.
std::string model_key(const Model& model, std::span<const std::byte> probe,
                      const std::string& files);

}  // namespace weir
