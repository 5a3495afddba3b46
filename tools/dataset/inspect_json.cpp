#include "tools/dataset/inspect_json.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace pc::dataset {
namespace {

using json = nlohmann::ordered_json;

json counts_json(const Counts& counts) {
  json object = json::object();
  for (const auto& [name, count] : counts) object[name] = count;
  return object;
}

json column_json(const ColumnFacts& column) {
  json classes = json::object();
  for (const ClassCount& c : column.classes) classes[c.name] = c.count;
  return {
      {"labelled", column.labeled}, {"missing", column.missing}, {"majority", column.majority()}, {"classes", classes}};
}

json disagreement_json(const data::Catalog& catalog, std::size_t column, const Disagreement& d) {
  json pictures = json::array();
  for (const uint32_t item : d.items) {
    const bool suspect = std::count(d.suspects.begin(), d.suspects.end(), item) > 0;
    pictures.push_back(
        {{"file", catalog.items[item].file}, {"label", label_of(catalog, item, column)}, {"suspect", suspect}});
  }
  return pictures;
}

}  // namespace

json inspection_json(const std::string& name, const data::DataSet& data, const Inspection& found) {
  const data::Catalog& catalog = data.catalog;
  const data::Catalog::Report& report = catalog.report;
  json columns = json::object(), suspects = json::object(), groups = json::array(), unreadable = json::array();
  for (std::size_t c = 0; c < found.columns.size(); ++c) {
    columns[found.columns[c].name] = column_json(found.columns[c]);
    json& of_column = suspects[found.columns[c].name] = json::array();
    for (const Disagreement& d : found.disagreements[c]) of_column.push_back(disagreement_json(catalog, c, d));
  }
  for (const auto& group : found.groups) {
    json files = json::array();
    for (const uint32_t item : group) files.push_back(catalog.items[item].file);
    groups.push_back(std::move(files));
  }
  for (const data::BadImage& bad : found.unreadable) unreadable.push_back({{"file", bad.file}, {"reason", bad.reason}});
  return {{"data", name},
          {"layout", data.kind},
          {"rows", report.rows},
          {"repaired_rows", report.repaired_rows},
          {"rows_without_picture", report.rows_without_image},
          {"pictures_without_row", report.images_without_row},
          {"duplicate_ids", report.duplicate_ids},
          {"warnings", report.warnings},
          {"notes", report.notes},
          {"pictures", found.pictures},
          {"readable", found.readable},
          {"unreadable", unreadable},
          {"sizes", counts_json(found.sizes)},
          {"formats", counts_json(found.modes)},
          {"columns", columns},
          {"near_duplicates", groups},
          {"likely_wrong_labels", suspects}};
}

}  // namespace pc::dataset
