/* Compiles the pipelines that `examples/kernel_code` wrote with the Vulkan driver that is there, runs none of them, and prints
 * what the driver's compiler says of each:
 *
 *   gpu_statistics FOLDER FORM [LISTINGS]
 *
 * reads FOLDER/index.tsv and the SPIR-V in FOLDER/FORM, but for what other judges must reject. The device's name comes first, then a line for each statistic: pipeline,
 * statistic, value, tab-separated. LISTINGS is a folder for the compiler's own text of each pipeline. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vulkan/vulkan.h>

static VkDevice device;
static PFN_vkGetPipelineExecutablePropertiesKHR get_executables;
static PFN_vkGetPipelineExecutableStatisticsKHR get_statistics;
static PFN_vkGetPipelineExecutableInternalRepresentationsKHR get_listings;

static void stop(const char *format, ...) {
    va_list values;
    va_start(values, format);
    vfprintf(stderr, format, values);
    va_end(values);
    fputc('\n', stderr);
    exit(2);
}

#define CHECK(call) \
    do { \
        VkResult result = (call); \
        if (result != VK_SUCCESS) stop("%s: VkResult %d", #call, result); \
    } while (0)

static void *zeros(size_t count, size_t bytes) {
    void *made = calloc(count ? count : 1, bytes);
    if (!made) stop("out of memory");
    return made;
}

/* With a 0 after its end. */
static void *read_file(size_t *bytes, const char *folder, const char *name) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    if (!file) stop("%s cannot be opened", path);
    fseek(file, 0, SEEK_END);
    *bytes = (size_t)ftell(file);
    rewind(file);
    char *data = zeros(*bytes + 1, 1);
    if (fread(data, 1, *bytes, file) != *bytes) stop("%s cannot be read", path);
    fclose(file);
    return data;
}

static int has_extension(VkPhysicalDevice physical, const char *name) {
    uint32_t count = 0;
    CHECK(vkEnumerateDeviceExtensionProperties(physical, NULL, &count, NULL));
    VkExtensionProperties *all = zeros(count, sizeof *all);
    CHECK(vkEnumerateDeviceExtensionProperties(physical, NULL, &count, all));
    int found = 0;
    for (uint32_t i = 0; i < count; i++) found |= !strcmp(all[i].extensionName, name);
    free(all);
    return found;
}

/* As wgpu opens it: with buffers that the driver keeps robust, where it can. */
static void open_device(void) {
    VkApplicationInfo application = {.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO, .apiVersion = VK_API_VERSION_1_3};
    VkInstanceCreateInfo create_instance = {.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
                                            .pApplicationInfo = &application};
    VkInstance instance;
    CHECK(vkCreateInstance(&create_instance, NULL, &instance));
    uint32_t count = 1;
    VkPhysicalDevice physical;
    VkResult found = vkEnumeratePhysicalDevices(instance, &count, &physical);
    if ((found != VK_SUCCESS && found != VK_INCOMPLETE) || !count) stop("no Vulkan device");
    VkPhysicalDeviceProperties properties;
    vkGetPhysicalDeviceProperties(physical, &properties);
    printf("device\t%s\n", properties.deviceName);
    if (!has_extension(physical, VK_KHR_PIPELINE_EXECUTABLE_PROPERTIES_EXTENSION_NAME))
        stop("%s tells no statistics", properties.deviceName);
    int robust = has_extension(physical, VK_EXT_ROBUSTNESS_2_EXTENSION_NAME);
    const char *extensions[] = {VK_KHR_PIPELINE_EXECUTABLE_PROPERTIES_EXTENSION_NAME,
                                VK_EXT_ROBUSTNESS_2_EXTENSION_NAME};
    VkPhysicalDeviceRobustness2FeaturesEXT robustness = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_ROBUSTNESS_2_FEATURES_EXT,
        .robustBufferAccess2 = VK_TRUE,
        .robustImageAccess2 = VK_TRUE};
    VkPhysicalDevicePipelineExecutablePropertiesFeaturesKHR telling = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PIPELINE_EXECUTABLE_PROPERTIES_FEATURES_KHR,
        .pNext = robust ? &robustness : NULL,
        .pipelineExecutableInfo = VK_TRUE};
    VkPhysicalDeviceFeatures2 features = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2,
                                          .pNext = &telling,
                                          .features.robustBufferAccess = VK_TRUE};
    float priority = 1;
    VkDeviceQueueCreateInfo queue = {
        .sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO, .queueCount = 1, .pQueuePriorities = &priority};
    VkDeviceCreateInfo create = {.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
                                 .pNext = &features,
                                 .queueCreateInfoCount = 1,
                                 .pQueueCreateInfos = &queue,
                                 .enabledExtensionCount = robust ? 2 : 1,
                                 .ppEnabledExtensionNames = extensions};
    CHECK(vkCreateDevice(physical, &create, NULL, &device));
#define GET(name) (PFN_##name) vkGetDeviceProcAddr(device, #name)
    get_executables = GET(vkGetPipelineExecutablePropertiesKHR);
    get_statistics = GET(vkGetPipelineExecutableStatisticsKHR);
    get_listings = GET(vkGetPipelineExecutableInternalRepresentationsKHR);
}

static VkPipelineLayout layout_of(const char *kinds) {
    VkDescriptorSetLayoutBinding bindings[32] = {0};
    uint32_t count = (uint32_t)strlen(kinds);
    if (count > 32) stop("%u bindings", count);
    for (uint32_t i = 0; i < count; i++)
        bindings[i] = (VkDescriptorSetLayoutBinding){.binding = i,
                                                     .descriptorType = kinds[i] == 'u'   ? VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER
                                                                       : kinds[i] == 'd' ? VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER_DYNAMIC
                                                                                         : VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
                                                     .descriptorCount = 1,
                                                     .stageFlags = VK_SHADER_STAGE_COMPUTE_BIT};
    VkDescriptorSetLayoutCreateInfo create_set = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO, .bindingCount = count, .pBindings = bindings};
    VkDescriptorSetLayout set;
    CHECK(vkCreateDescriptorSetLayout(device, &create_set, NULL, &set));
    VkPipelineLayoutCreateInfo create = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO, .setLayoutCount = 1, .pSetLayouts = &set};
    VkPipelineLayout layout;
    CHECK(vkCreatePipelineLayout(device, &create, NULL, &layout));
    return layout;
}

static VkPipeline compile(uint32_t *code, size_t bytes, const char *entry, const char *kinds, int listed) {
    VkShaderModuleCreateInfo create_module = {
        .sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO, .codeSize = bytes, .pCode = code};
    VkShaderModule module;
    CHECK(vkCreateShaderModule(device, &create_module, NULL, &module));
    VkComputePipelineCreateInfo create = {
        .sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
        .flags = VK_PIPELINE_CREATE_CAPTURE_STATISTICS_BIT_KHR |
                 (listed ? VK_PIPELINE_CREATE_CAPTURE_INTERNAL_REPRESENTATIONS_BIT_KHR : 0),
        .stage = {.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
                  .stage = VK_SHADER_STAGE_COMPUTE_BIT,
                  .module = module,
                  .pName = entry},
        .layout = layout_of(kinds)};
    VkPipeline pipeline;
    CHECK(vkCreateComputePipelines(device, VK_NULL_HANDLE, 1, &create, NULL, &pipeline));
    return pipeline;
}

static void print_statistics(const VkPipelineExecutableInfoKHR *which, const char *name, uint32_t subgroup) {
    printf("%s\tSubgroup size\t%u\n", name, subgroup);
    uint32_t count = 0;
    CHECK(get_statistics(device, which, &count, NULL));
    VkPipelineExecutableStatisticKHR *all = zeros(count, sizeof *all);
    for (uint32_t i = 0; i < count; i++) all[i].sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_STATISTIC_KHR;
    CHECK(get_statistics(device, which, &count, all));
    for (uint32_t i = 0; i < count; i++) {
        double value = all[i].format == VK_PIPELINE_EXECUTABLE_STATISTIC_FORMAT_BOOL32_KHR  ? all[i].value.b32
                       : all[i].format == VK_PIPELINE_EXECUTABLE_STATISTIC_FORMAT_INT64_KHR ? (double)all[i].value.i64
                       : all[i].format == VK_PIPELINE_EXECUTABLE_STATISTIC_FORMAT_UINT64_KHR
                           ? (double)all[i].value.u64
                           : all[i].value.f64;
        printf("%s\t%s\t%.15g\n", name, all[i].name, value);
    }
    free(all);
}

static void write_listings(const VkPipelineExecutableInfoKHR *which, const char *folder, const char *name) {
    uint32_t count = 0;
    CHECK(get_listings(device, which, &count, NULL));
    VkPipelineExecutableInternalRepresentationKHR *all = zeros(count, sizeof *all);
    for (uint32_t i = 0; i < count; i++)
        all[i].sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_INTERNAL_REPRESENTATION_KHR;
    CHECK(get_listings(device, which, &count, all));
    for (uint32_t i = 0; i < count; i++) all[i].pData = zeros(all[i].dataSize + 1, 1);
    CHECK(get_listings(device, which, &count, all));
    for (uint32_t i = 0; i < count; i++) {
        for (char *c = all[i].name; *c; c++)
            if (*c == ' ' || *c == '/') *c = '_';
        char path[4096];
        snprintf(path, sizeof path, "%s/%s.%s", folder, name, all[i].name);
        FILE *file = fopen(path, "w");
        if (!file) stop("%s cannot be written", path);
        fputs(all[i].pData, file);
        fclose(file);
        free(all[i].pData);
    }
    free(all);
}

/* What a compiler made of one pipeline: one executable of a compute shader, or the same in several widths of a subgroup. */
static void tell(VkPipeline pipeline, const char *name, const char *listings) {
    VkPipelineInfoKHR of = {.sType = VK_STRUCTURE_TYPE_PIPELINE_INFO_KHR, .pipeline = pipeline};
    uint32_t count = 0;
    CHECK(get_executables(device, &of, &count, NULL));
    VkPipelineExecutablePropertiesKHR *all = zeros(count, sizeof *all);
    for (uint32_t i = 0; i < count; i++) all[i].sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_PROPERTIES_KHR;
    CHECK(get_executables(device, &of, &count, all));
    for (uint32_t i = 0; i < count; i++) {
        VkPipelineExecutableInfoKHR which = {
            .sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_INFO_KHR, .pipeline = pipeline, .executableIndex = i};
        print_statistics(&which, name, all[i].subgroupSize);
        if (listings) write_listings(&which, listings, name);
    }
    free(all);
}

int main(int argc, char **argv) {
    if (argc != 3 && argc != 4) stop("gpu_statistics FOLDER FORM [LISTINGS]");
    const char *folder = argv[1], *listings = argv[3];
    open_device();
    size_t bytes;
    char *rest = read_file(&bytes, folder, "index.tsv"), *line;
    while ((line = strsep(&rest, "\n")) && *line) {
        char *name = strsep(&line, "\t"), *entry = strsep(&line, "\t");
        strsep(&line, "\t"); /* constants, which are in the code */
        char *kinds = strsep(&line, "\t"), *rejected_by = strsep(&line, "\t"), file[1024];
        if (strcmp(rejected_by, "nobody") && !strstr(rejected_by, "statistics")) continue;
        snprintf(file, sizeof file, "%s/%s", argv[2], name);
        uint32_t *code = read_file(&bytes, folder, file);
        VkPipeline pipeline = compile(code, bytes, entry, kinds, listings != NULL);
        tell(pipeline, name, listings);
        vkDestroyPipeline(device, pipeline, NULL);
        free(code);
    }
    return 0;
}
