// Attention over scattered pages: the shapes of Tests/ComputeTests/PagedAttentionTests.swift and
// PagedAttentionRowsTests.swift.

#include "paged_cache.h"
#include "support.h"

typedef struct shape {
    size_t head_size, head_count, position_count, row_count, window;
    float soft_cap;
} shape;

static const shape shapes[] = {
    {8, 2, 1, 1, 0, 0},     {8, 1, 5, 3, 0, 0},      {16, 3, 16, 2, 0, 0},   {20, 1, 17, 4, 0, 0},
    {64, 4, 100, 3, 0, 0},  {80, 2, 63, 5, 0, 0},    {128, 1, 130, 2, 0, 0}, {64, 8, 1, 40, 0, 0},
    {8, 2, 6, 2, 1, 0},     {16, 3, 40, 3, 39, 0},   {64, 5, 100, 4, 63, 0}, {18, 2, 130, 3, 66, 2},
    {80, 1, 50, 2, 51, 0.5f}, {64, 6, 9, 30, 20, 3},  {18, 5, 41, 2, 0, 0},
    {7, 1, 40, 3, 0, 0},
};

// Keys and values of all positions, and queries.
typedef struct scene {
    shape s;
    size_t positions;
    int element_type;
    const float *queries, *keys, *values;
    double *held_keys, *held_values;
} scene;

static size_t page_size(size_t head_size, size_t tokens_per_page, int type) {
    const size_t scales = type == APUS_CACHE_INT8 ? 2 * tokens_per_page * sizeof(uint16_t) : 0;
    return 2 * apus_cache_half(head_size, tokens_per_page, type) + scales;
}

static void attend_plainly(const scene *c, size_t row, size_t head, float *output) {
    const shape s = c->s;
    const float *query = c->queries + (row * s.head_count + head) * s.head_size;
    const size_t end = s.position_count + row, begin = s.window > 0 && s.window < end ? end - s.window : 0;
    double weights[256], largest = -INFINITY, sum = 0;
    for (size_t p = begin; p < end; p++) {
        double score = 0;
        for (size_t i = 0; i < s.head_size; i++) {
            score += (double)query[i] * c->held_keys[p * s.head_size + i];
        }
        score *= 0.25;
        weights[p] = s.soft_cap > 0 ? s.soft_cap * tanh(score / s.soft_cap) : score;
        largest = fmax(largest, weights[p]);
    }
    for (size_t p = begin; p < end; p++) {
        weights[p] = exp(weights[p] - largest);
        sum += weights[p];
    }
    for (size_t i = 0; i < s.head_size; i++) {
        double total = 0;
        for (size_t p = begin; p < end; p++) {
            total += weights[p] / sum * c->held_values[p * s.head_size + i];
        }
        output[i] = (float)total;
    }
}

// Lays keys and values out over pages in descending order after one that nobody uses. Unused slots and positions
// before every window hold NaN, which must not leak in.
static apus_attention job_of(const scene *c, size_t tokens_per_page) {
    const shape s = c->s;
    const size_t page_count = (c->positions + tokens_per_page - 1) / tokens_per_page;
    const size_t stride = page_size(s.head_size, tokens_per_page, c->element_type);
    int32_t *pages = memory(page_count * sizeof *pages);
    uint8_t *cache = memory((page_count + 1) * stride);
    const size_t first = s.window > 0 && s.window < s.position_count ? s.position_count - s.window : 0;
    for (size_t i = 0; i < page_count; i++) {
        pages[i] = (int32_t)(page_count - i);
    }
    for (size_t p = first; p < c->positions; p++) {
        const apus_cache_token token = {
            .keys = c->keys + p * s.head_size, .values = c->values + p * s.head_size, .head_count = 1,
            .head_size = s.head_size, .page = cache + (size_t)pages[p / tokens_per_page] * stride,
            .element_type = c->element_type, .tokens_per_page = tokens_per_page, .slot = p % tokens_per_page};
        apus_cache_store_ref(&token);
    }
    const size_t score_rows = s.head_count > APUS_ATTENTION_TILE ? s.head_count : APUS_ATTENTION_TILE;
    return (apus_attention){
        .queries = c->queries, .query_stride = s.head_size, .query_count = s.head_count, .head_size = s.head_size,
        .cache = cache, .page_stride = stride, .element_type = c->element_type, .pages = pages,
        .tokens_per_page = tokens_per_page, .position_count = s.position_count, .window = s.window, .scale = 0.25f,
        .soft_cap = s.soft_cap, .scores = floats(score_rows * c->positions), .score_stride = c->positions,
        .output_stride = s.head_size,
    };
}

// What a page holds of the keys or values of one token, read back from a page of its own.
static void hold(const float *keys, size_t size, int type, double *held) {
    uint8_t *page = memory(page_size(size, 1, type));
    const apus_cache_token token = {.keys = keys, .values = keys, .head_count = 1, .head_size = size, .page = page,
                                    .element_type = type, .tokens_per_page = 1};
    apus_cache_store_ref(&token);
    const uint16_t *scale = (const uint16_t *)(page + 2 * apus_cache_half(size, 1, type));
    for (size_t i = 0; i < size; i++) {
        held[i] = apus_cache_element(page, i, type);
        held[i] *= type == APUS_CACHE_INT8 ? apus_float_of_half(*scale) : 1;
    }
}

static scene scene_of(shape s, int element_type) {
    scene c = {.s = s, .positions = s.position_count + s.row_count - 1, .element_type = element_type};
    const size_t count = s.row_count * s.head_count * s.head_size, size = c.positions * s.head_size;
    float *queries = random_floats(count);
    for (size_t i = 0; i < count; i++) {
        queries[i] *= 4;
    }
    c.queries = queries;
    c.keys = random_floats(size);
    c.values = random_floats(size);
    c.held_keys = memory(size * sizeof(double));
    c.held_values = memory(size * sizeof(double));
    for (size_t p = 0; p < c.positions; p++) {
        hold(c.keys + p * s.head_size, s.head_size, element_type, c.held_keys + p * s.head_size);
        hold(c.values + p * s.head_size, s.head_size, element_type, c.held_values + p * s.head_size);
    }
    return c;
}

static void check_shape(tier t, shape s, int element_type) {
    const scene c = scene_of(s, element_type);
    const size_t row_size = s.head_count * s.head_size, count = s.row_count * row_size;
    float *expected = floats(count), *first = NULL;
    for (size_t row = 0; row < s.row_count; row++) {
        for (size_t head = 0; head < s.head_count; head++) {
            attend_plainly(&c, row, head, expected + row * row_size + head * s.head_size);
        }
    }
    const size_t page_sizes[] = {1, 3, 16, 32, 40};
    for (size_t i = 0; i < 5; i++) {
        apus_attention job = job_of(&c, page_sizes[i]);
        float *alone = floats(count), *together = floats(count);
        for (size_t row = 0; row < s.row_count; row++) {
            apus_attention one = job;
            one.queries += row * row_size;
            one.output = alone + row * row_size;
            one.position_count += row;
            t.kernels->paged_attention(&one);
        }
        job.output = together;
        const apus_attention_rows rows = {
            .first = job, .row_count = s.row_count, .query_row_stride = row_size, .output_row_stride = row_size,
            .packed_queries = floats(s.head_size * APUS_ATTENTION_TILE)};
        t.kernels->paged_attention_rows(&rows);
        first = first == NULL ? alone : first;
        const char *name = t.name;
        expect(largest_difference(count, alone, expected) < 5e-6f, "%s attention %zu×%zu over %zu, format %d", name,
               s.head_count, s.head_size, s.position_count, element_type);
        expect(same_bits(count, alone, first), "%s attention over %zu, pages of %zu", name, s.position_count,
               page_sizes[i]);
        expect(same_bits(count, together, alone), "%s attention of %zu rows, pages of %zu", name, s.row_count,
               page_sizes[i]);
    }
}

// Pages of every format as the reference writes them, with all that is not a number.
static void check_store(tier t, size_t head_size, size_t tokens_per_page, int element_type) {
    const size_t head_count = 3, half = page_size(head_size, tokens_per_page, element_type);
    float *keys = random_floats(head_count * head_size), *values = random_floats(head_count * head_size);
    keys[0] = NAN;
    keys[head_size - 1] = 1e-7f;
    values[0] = INFINITY;
    values[2 * head_size] = 1e30f;
    uint8_t *expected = memory(head_count * half), *pages = memory(head_count * half);
    apus_cache_token token = {
        .keys = keys, .values = values, .head_count = head_count, .head_size = head_size, .page = expected,
        .head_stride = half, .element_type = element_type, .tokens_per_page = tokens_per_page,
        .slot = tokens_per_page / 2};
    apus_cache_store_ref(&token);
    token.page = pages;
    t.kernels->cache_store(&token);
    expect(memcmp(pages, expected, head_count * half) == 0, "%s cache_store %zu, format %d", t.name, head_size,
           element_type);
}

void check_attention(tier t) {
    seed(5);
    for (int type = APUS_CACHE_FLOAT32; type <= APUS_CACHE_INT8; type++) {
        for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
            check_shape(t, shapes[i], type);
            free_all();
        }
        for (size_t head_size = 1; head_size <= 128; head_size += head_size < 9 ? 1 : 17) {
            check_store(t, head_size, 16, type);
            check_store(t, head_size, 6, type);
            free_all();
        }
    }
}
