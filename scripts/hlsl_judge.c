/* Compiles HLSL with Microsoft's compilers as wgpu does, and tells what they say:
 *
 *   hlsl_judge.exe fxc d3dcompiler_47.dll cs_5_1 < LIST
 *   hlsl_judge.exe dxc dxcompiler.dll cs_6_0 < LIST
 *
 * A line of LIST is a file's path and its entry point, tab-separated. The answer is a line, and where the compiler says more than
 * one thing, several: the path, `ok`, `warned` or `rejected`, and what it says. */
#define COBJMACROS
#include <windows.h>
#include <d3dcompiler.h>
#include <stdio.h>

typedef HRESULT(WINAPI *CreateInstance)(const GUID *, const GUID *, void **);

static const GUID CLSID_COMPILER = {0x73e22d93, 0xe6ce, 0x47f3, {0xb5, 0xbf, 0xf0, 0x66, 0x4f, 0x39, 0xc1, 0xb0}};
static const GUID IID_COMPILER3 = {0x228b4687, 0x5a6a, 0x4730, {0x90, 0x0c, 0x97, 0x02, 0xb2, 0x20, 0x3f, 0x54}};
static const GUID IID_RESULT = {0x58346cda, 0xdde7, 0x4497, {0x94, 0x61, 0x6f, 0x87, 0xaf, 0x5e, 0x06, 0x59}};

typedef struct {
    const void *data;
    SIZE_T bytes;
    UINT code_page;
} Source;

/* What is called of IDxcCompiler3 and IDxcResult, by place; a blob of DXC's begins as one of Direct3D's does. */
typedef struct Compiler {
    struct {
        void *of_unknown[3];
        HRESULT(WINAPI *compile)(struct Compiler *, const Source *, LPCWSTR *, UINT, void *, const GUID *, void **);
    } *calls;
} Compiler;
typedef struct Result {
    struct {
        void *query, *add_ref;
        ULONG(WINAPI *release)(struct Result *);
        HRESULT(WINAPI *status)(struct Result *, HRESULT *);
        HRESULT(WINAPI *object)(struct Result *, ID3DBlob **);
        HRESULT(WINAPI *messages)(struct Result *, ID3DBlob **);
    } *calls;
} Result;

static pD3DCompile fxc;
static Compiler *dxc;

static HRESULT compile(const char *path, const char *text, SIZE_T bytes, const char *entry, const char *model, ID3DBlob **said) {
    if (fxc) {
        ID3DBlob *code = NULL;
        HRESULT done =
            fxc(text, bytes, path, NULL, NULL, entry, model, D3DCOMPILE_ENABLE_STRICTNESS, 0, &code, said);
        if (code) ID3D10Blob_Release(code);
        return done;
    }
    WCHAR wide_entry[256], wide_model[16];
    MultiByteToWideChar(CP_UTF8, 0, entry, -1, wide_entry, 256);
    MultiByteToWideChar(CP_UTF8, 0, model, -1, wide_model, 16);
    LPCWSTR words[] = {L"-E", wide_entry, L"-T", wide_model, L"-HV", L"2018", L"-no-warnings", L"-Ges"};
    Source source = {text, bytes, CP_UTF8};
    Result *result = NULL;
    HRESULT done = dxc->calls->compile(dxc, &source, words, 8, NULL, &IID_RESULT, (void **)&result);
    if (FAILED(done)) return done;
    result->calls->status(result, &done);
    result->calls->messages(result, said);
    result->calls->release(result);
    return done;
}

static char *read_file(const char *path, SIZE_T *bytes) {
    FILE *file = fopen(path, "rb");
    if (!file) {
        fprintf(stderr, "%s cannot be opened\n", path);
        exit(2);
    }
    fseek(file, 0, SEEK_END);
    *bytes = (SIZE_T)ftell(file);
    rewind(file);
    char *text = malloc(*bytes + 1);
    if (!text || fread(text, 1, *bytes, file) != *bytes) exit(2);
    fclose(file);
    return text;
}

int main(int argc, char **argv) {
    HMODULE library = argc == 4 ? LoadLibraryA(argv[2]) : NULL;
    if (!library) {
        fprintf(stderr, "hlsl_judge fxc|dxc LIBRARY MODEL < LIST: the library cannot be loaded\n");
        return 2;
    }
    if (!strcmp(argv[1], "fxc")) fxc = (pD3DCompile)(void *)GetProcAddress(library, "D3DCompile");
    CreateInstance create = (CreateInstance)(void *)GetProcAddress(library, "DxcCreateInstance");
    if (!fxc && (!create || FAILED(create(&CLSID_COMPILER, &IID_COMPILER3, (void **)&dxc)))) {
        fprintf(stderr, "%s is no %s\n", argv[2], argv[1]);
        return 2;
    }
    char line[4096];
    while (fgets(line, sizeof line, stdin)) {
        char *path = strtok(line, "\t\r\n"), *entry = strtok(NULL, "\t\r\n");
        SIZE_T bytes;
        char *text = read_file(path, &bytes);
        ID3DBlob *said = NULL;
        HRESULT done = compile(path, text, bytes, entry, argv[3], &said);
        char *rest = said ? ID3D10Blob_GetBufferPointer(said) : NULL;
        char *message = rest ? strtok_r(rest, "\r\n", &rest) : NULL;
        do {
            printf("%s\t%s\t%s\n", path, FAILED(done) ? "rejected" : message ? "warned" : "ok", message ? message : "");
        } while (message && (message = strtok_r(NULL, "\r\n", &rest)));
        fflush(stdout);
        if (said) ID3D10Blob_Release(said);
        free(text);
    }
    return 0;
}
