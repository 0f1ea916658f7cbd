// An API with two operations, protected by Auth.java.

package items;

import java.util.List;
import java.util.Map;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.security.access.prepost.PreAuthorize;
import org.springframework.security.core.annotation.AuthenticationPrincipal;
import org.springframework.security.oauth2.jwt.Jwt;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RestController;

@SpringBootApplication
@RestController
class Items {
    public static void main(String[] arguments) {
        SpringApplication.run(Items.class, arguments);
    }

    @GetMapping("/items")
    @PreAuthorize("hasAuthority('SCOPE_items:read')")
    Map<String, Object> read(@AuthenticationPrincipal Jwt token) {
        return Map.of("items", List.of("one", "two"), "for", token.getSubject());
    }

    @PostMapping("/items")
    @PreAuthorize("hasAuthority('SCOPE_items:write')")
    Map<String, Object> write(@AuthenticationPrincipal Jwt token) {
        return Map.of("written_by", token.getSubject());
    }
}
