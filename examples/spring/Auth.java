// Checks the access tokens of one API, whose scopes are items:read items:write.
// `@PreAuthorize("hasAuthority('SCOPE_items:read')")` demands a scope; Spring answers refusals as RFC 6750 §3 has it.
//
// Needs `spring-boot-starter-oauth2-resource-server`, of Spring Boot 3.

package items;

import com.nimbusds.jose.JOSEObjectType;
import com.nimbusds.jose.proc.DefaultJOSEObjectTypeVerifier;
import com.nimbusds.jose.proc.SecurityContext;
import java.time.Duration;
import java.util.List;
import java.util.function.Predicate;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.security.config.Customizer;
import org.springframework.security.config.annotation.method.configuration.EnableMethodSecurity;
import org.springframework.security.config.annotation.web.builders.HttpSecurity;
import org.springframework.security.config.http.SessionCreationPolicy;
import org.springframework.security.oauth2.core.DelegatingOAuth2TokenValidator;
import org.springframework.security.oauth2.jose.jws.SignatureAlgorithm;
import org.springframework.security.oauth2.jwt.JwtClaimValidator;
import org.springframework.security.oauth2.jwt.JwtDecoder;
import org.springframework.security.oauth2.jwt.JwtIssuerValidator;
import org.springframework.security.oauth2.jwt.JwtTimestampValidator;
import org.springframework.security.oauth2.jwt.NimbusJwtDecoder;
import org.springframework.security.web.SecurityFilterChain;

@Configuration
@EnableMethodSecurity
class Auth {
    static final String ISSUER = "http://127.0.0.1:8080";
    static final String AUDIENCE = "https://items.example";

    @Bean
    SecurityFilterChain tokens(HttpSecurity http) throws Exception {
        return http
            .authorizeHttpRequests(requests -> requests.anyRequest().authenticated())
            .oauth2ResourceServer(server -> server.jwt(Customizer.withDefaults()))
            .sessionManagement(sessions -> sessions.sessionCreationPolicy(SessionCreationPolicy.STATELESS))
            .csrf(csrf -> csrf.disable()) // no cookie is believed
            .build();
    }

    /** RFC 9068 §4. Keys are kept for five minutes, and fetched again when a token names one that is not known. */
    @Bean
    JwtDecoder decoder() {
        var types = new DefaultJOSEObjectTypeVerifier<SecurityContext>(
            new JOSEObjectType("at+jwt"), new JOSEObjectType("application/at+jwt"));
        var decoder = NimbusJwtDecoder.withJwkSetUri(ISSUER + "/.well-known/jwks.json")
            .jwsAlgorithm(SignatureAlgorithm.RS256)
            .jwtProcessorCustomizer(processor -> processor.setJWSTypeVerifier(types))
            .build();
        Predicate<Object> present = value -> value != null;
        decoder.setJwtValidator(new DelegatingOAuth2TokenValidator<>(
            new JwtTimestampValidator(Duration.ofSeconds(30)),
            new JwtIssuerValidator(ISSUER),
            new JwtClaimValidator<List<String>>("aud", audience -> List.of(AUDIENCE).equals(audience)),
            new JwtClaimValidator<>("exp", present),
            new JwtClaimValidator<>("sub", present),
            new JwtClaimValidator<>("client_id", present),
            new JwtClaimValidator<>("jti", present)));
        return decoder;
    }
}
